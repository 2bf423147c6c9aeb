package probe

import (
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/link"
)

// TestPacketsLost: both ways are judged by their own counts, and a pass says which way it does not speak for.
func TestPacketsLost(t *testing.T) {
	for _, c := range []struct {
		name  string
		n     link.Segments
		found bool
		says  string
	}{
		{"nothing lost", link.Segments{Sent: 500, Received: 400}, false, "lost on the way back is in neither count"},
		{"by chance", link.Segments{Sent: 100, Again: 2, Received: 100, Disordered: 2}, false, "2 of 100 segments again"},
		{"on the way there", link.Segments{Sent: 500, Again: 20, Received: 400}, true, "20 of 500 segments again (4%), which were lost on the way there"},
		{"on the way back", link.Segments{Sent: 500, Received: 400, Disordered: 12}, true, "12 of the 400 segments that brought answers came out of order (3%)"},
	} {
		o := &observation{pooler: &pgServer{}, ways: waysFacts{segments: &c.n}}
		out := packetsLost(o)
		said := out.why
		if len(out.hits) > 0 {
			said = out.hits[0].evidence
		}
		if (len(out.hits) > 0) != c.found || !strings.Contains(said, c.says) {
			t.Errorf("%s: found %v, want %v: %q", c.name, len(out.hits) > 0, c.found, said)
		}
	}
}

// TestCacheStatementIsSafeWhereItIsCarried, and costs failed requests where it is not.
func TestCacheStatementIsSafeWhereItIsCarried(t *testing.T) {
	for _, c := range []struct {
		name   string
		is     preparedSupport
		found  bool
		outage bool
	}{
		{"carried", preparedSupport{known: true, carried: true, how: "it ran on another"}, false, false},
		{"lost", preparedSupport{known: true, how: "it was gone"}, true, true},
		{"not known", preparedSupport{how: "it could not be run"}, true, false},
	} {
		o := &observation{config: Config{ExecMode: "cache_statement"}, pooler: &pgServer{pooled: true, endpoint: Endpoint{FloorMS: 110}}, ways: waysFacts{prepared: c.is}}
		results, findings := judge([]check{{code: "HD-P03", severity: Critical, needs: []part{askedPooler}, run: unsafeMode}}, o, nil, nil)
		if (len(findings) > 0) != c.found || !strings.Contains(results[0].Why, c.is.how) {
			t.Errorf("%s: %+v", c.name, results)
		}
		if len(findings) > 0 && (findings[0].Outage != c.outage || (findings[0].CostMS == failedMS) != c.outage || !c.outage && findings[0].CostMS != 0) {
			t.Errorf("%s: %+v", c.name, findings[0])
		}
	}
}
