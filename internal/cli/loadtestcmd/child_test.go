package loadtestcmd

import (
	"context"
	"strings"
	"testing"
)

// A child does not outlive its stop, is told kindly first, and leaves its last words.
func TestChildKeepsItsLastWords(t *testing.T) {
	var end tail
	for range 1000 {
		_, _ = end.Write([]byte("a line of a log\n"))
	}
	if s := end.String(); len(s) > tailSize || !strings.HasPrefix(s, "a line") || !strings.HasSuffix(s, "log\n") {
		t.Errorf("the tail has %d bytes and begins with %.20q", len(s), s)
	}
	ended := make(chan struct{})
	close(ended)
	c := &child{name: "honeydue serve", said: &tail{}, ended: ended}
	_, _ = c.said.Write([]byte("no database\n"))
	err := c.until(t.Context(), func(context.Context) bool { return false })
	if err == nil || !strings.Contains(err.Error(), "no database") {
		t.Errorf("error %v", err)
	}
}
