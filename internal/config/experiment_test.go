package config

import (
	"slices"
	"testing"
)

func TestAnExperimentIsSeen(t *testing.T) {
	x, err := ParseExperiment(Environ{"HONEYDUE_ABLATE": " S3, s8,s3"})
	if err != nil || !slices.Equal(x.Decisions(), []string{"s3", "s8"}) || !x.Has(AblateWarmUp) || !x.Has(AblateAuthJoin) {
		t.Errorf("got %v, %v", x.Decisions(), err)
	}
	none, err := ParseExperiment(Environ{})
	if err != nil || len(none.Decisions()) != 0 || none.Has(AblateWarmUp) {
		t.Errorf("without it: %v, %v", none.Decisions(), err)
	}
	if err := Check(Environ{"HONEYDUE_ABLATE": "s1"}); err == nil {
		t.Error("a decision that it cannot turn back was accepted")
	}
	for _, e := range []Environ{{}, {"HONEYDUE_ABLATE": "s8"}} {
		i := slices.IndexFunc(Settings(e), func(s Setting) bool { return s.Env == "HONEYDUE_ABLATE" })
		if i < 0 {
			t.Fatal("it is not listed")
		}
		if s := Settings(e)[i]; s.Differs != (len(e) > 0) {
			t.Errorf("%v: differs %v", e, s.Differs)
		}
	}
}
