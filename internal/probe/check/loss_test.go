package check

import (
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestPacketsLost: both ways are judged by their own counts, and a pass says which way it does not speak for.
func TestPacketsLost(t *testing.T) {
	for _, c := range []struct {
		name  string
		n     link.Segments
		found bool
		says  string
	}{
		{"nothing lost", link.Segments{Sent: 500, Received: 400}, false, "is in neither count"},
		{"by chance", link.Segments{Sent: 100, Again: 2, Received: 100, Disordered: 2}, false, "2 of 100 segments"},
		{"on the way to the server", link.Segments{Sent: 500, Again: 20, Received: 400}, true, "20 of 500 segments (4%) that were lost on the way to the server"},
		{"on the way back", link.Segments{Sent: 500, Received: 400, Disordered: 12}, true, "12 of the 400 received segments arrived out of order (3%)"},
	} {
		o := &facts.Observation{Pooler: &facts.PGServer{}, Ways: facts.WaysFacts{Segments: &c.n}}
		out := packetsLost(o)
		said := out.Why
		if len(out.Hits) > 0 {
			said = out.Hits[0].Evidence
		}
		if (len(out.Hits) > 0) != c.found || !strings.Contains(said, c.says) {
			t.Errorf("%s: found %v, want %v: %q", c.name, len(out.Hits) > 0, c.found, said)
		}
	}
}

// TestNotMeasurableIsNoPass: where the kernel can't be asked, nobody says that nothing is lost.
func TestNotMeasurableIsNoPass(t *testing.T) {
	if out := packetsLost(&facts.Observation{Pooler: &facts.PGServer{}}); !out.Unknown {
		t.Errorf("without a count of segments it says %+v", out)
	}
}
