package collect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/check"
)

// TestSamplesOfThePage: HD-D04's page has the number of samples of the sessions.
func TestSamplesOfThePage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", check.RunbookPage("HD-D04")))
	if err != nil {
		t.Fatal(err)
	}
	// One sample at the start, and one at the end of each part of the window.
	if windowSamples+1 != 9 || !strings.Contains(string(page), "up to nine samples of") {
		t.Errorf("%d samples are taken, and the page has another number", windowSamples+1)
	}
}
