package collect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/check"
)

// TestLooksOfThePage: HD-D04's page says how often the sessions are looked at.
func TestLooksOfThePage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", check.RunbookPage("HD-D04")))
	if err != nil {
		t.Fatal(err)
	}
	// One look at the begin, and one at the end of each part of the window.
	if windowSamples+1 != 9 || !strings.Contains(string(page), "Up to nine looks at") {
		t.Errorf("%d looks are taken, and the page says something else", windowSamples+1)
	}
}
