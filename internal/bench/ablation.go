package bench

import "time"

// AblateSchema names the shape of an Ablation as JSON.
const AblateSchema = "honeydue.loadtest-ablate/1"

// Ablation is what each tuned decision buys: measured with the decision turned
// back, and with everything as it was settled on.
type Ablation struct {
	LinkRTTMS  float64   `json:"link_rtt_ms"`
	Rounds     int       `json:"rounds"` // starts of each server
	StartedAt  time.Time `json:"started_at"`
	DurationMS float64   `json:"duration_ms"`
	Rows       []Ablated `json:"decisions"`
	// Paths are three paths of a request, before the tuning, with everything
	// turned back, and tuned; none if that was not asked for.
	Paths []AblatedPath `json:"paths"`
	// Failures are variants that could not be measured, NotMeasured those that
	// were left when the run was interrupted.
	Failures    []AblationFailure `json:"failures"`
	NotMeasured []string          `json:"not_measured"`
}

// Ablated is one decision.
type Ablated struct {
	Decision string          `json:"decision"`
	Title    string          `json:"title"`
	Old      string          `json:"old"`
	Tuned    string          `json:"tuned"`
	Method   string          `json:"method"` // under which conditions, and what was not measured
	Figures  []AblatedFigure `json:"figures"`
}

// AblatedFigure is one measure of a decision. Its unit is the end of the
// measure's name.
type AblatedFigure struct {
	Measure string `json:"measure"`
	Label   string `json:"label"`
	WithOld Spread `json:"with_old"`
	Tuned   Spread `json:"tuned"`
	// Buys is WithOld minus Tuned: above zero where the decision helps. It means
	// something only if Seen: the two intervals have nothing in common, nor have the
	// figures of the single starts, the difference is at least 5% of the larger
	// figure, and what chance plays with was measured after four starts of each side
	// at least.
	Buys float64 `json:"buys"`
	Seen bool    `json:"seen"`
}

// Spread is a figure with what it rests on.
type Spread struct {
	N      int     `json:"n"`
	Starts int     `json:"starts"` // of the server, after which the samples were taken
	Errors int     `json:"errors"` // counted as at least the timeout
	Value  float64 `json:"value"`
	// Low and High are the 95% interval of the figure, or for fewer than 6 samples
	// the least and the greatest of them.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// AblatedPath is one path of a request. BeforeMS and Aim are the figures that
// the tuning began with, measured on another system.
type AblatedPath struct {
	Path     string  `json:"path"`
	BeforeMS float64 `json:"before_ms"`
	Aim      string  `json:"aim"`
	// OldApp has everything turned back.
	OldApp      Spread `json:"old_app_ms"`
	Tuned       Spread `json:"tuned_ms"`
	OldAppTurns Spread `json:"old_app_turns"`
	TunedTurns  Spread `json:"tuned_turns"`
}

// AblationFailure is a variant that could not be measured.
type AblationFailure struct {
	Variant string `json:"variant"`
	Error   string `json:"error"`
}
