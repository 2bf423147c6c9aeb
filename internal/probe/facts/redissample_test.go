package facts

import (
	"testing"
)

// TestWhatFillsRedis: an eviction's finding names the kind of key that takes the most, not the one with the largest key.
func TestWhatFillsRedis(t *testing.T) {
	s := KeySample{Kinds: []KeyKind{{"list:tasks:<id>", 2, 2000, 1900}, {"state:<id>", 600, 6000, 10}}}
	if got := s.Most(); got != " 75% of the sampled keys' memory belongs to state:<id>." {
		t.Errorf("it says %q", got)
	}
	if got := (KeySample{}).Most(); got != "" {
		t.Errorf("without a sample it says %q", got)
	}
}
