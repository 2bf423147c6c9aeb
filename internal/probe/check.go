package probe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// check is one question of the registry. It judges an observation and measures nothing itself.
type check struct {
	code     string
	title    string
	severity Severity
	// outage is set for what fails requests instead of slowing them; they are counted as failedMS.
	outage bool
	needs  []part
	run    func(*observation) outcome
	// remedy is the command or the setting that mends it; a hit may carry a more exact one.
	remedy string
}

// outcome is a check's answer: passed, unknown, or one hit for each thing found.
type outcome struct {
	unknown bool
	unasked bool // it is unknown because nobody named what it is about
	why     string
	hits    []hit
}

// hit is one thing found. Empty fields are filled in from its check.
type hit struct {
	evidence string
	costMS   float64
	severity Severity
	remedy   string
	outage   bool // as the check's, where not all of its hits fail requests
	wrong    bool // somebody gets an answer that is not his
	// sql is the remedy as statements, where that is what it is: a trial runs them one by one.
	sql []string
	// about names what the hit is about (tables, indexes, variables, transactions, pods ...), for the table of causes.
	about []string
}

func passed(format string, args ...any) outcome { return outcome{why: fmt.Sprintf(format, args...)} }

func notKnown(format string, args ...any) outcome {
	return outcome{unknown: true, why: fmt.Sprintf(format, args...)}
}

func found(hits ...hit) outcome { return outcome{hits: hits} }

// orPassed is found(hits...), or a pass if there are none.
func orPassed(hits []hit, format string, args ...any) outcome {
	if len(hits) > 0 {
		return found(hits...)
	}
	return passed(format, args...)
}

// RunbookPage returns the path in the repository of the page that explains a code.
func RunbookPage(code string) string { return "docs/runbooks/" + code + ".md" }

// Codes lists the codes of every check, in the registry's order.
func Codes() []string {
	var out []string
	for _, c := range registry() {
		out = append(out, c.code)
	}
	return out
}

// failedMS is what a request that fails is counted as: the time for which the app lets it wait for a
// connection before it gives up (store.Config.AcquireTimeout).
const failedMS = 5000

// missedMS is a cost by which a finding alone misses a target: a read of tasks may take 50 ms beyond its round trip
// (p99 <= R + 50 ms). It is also how long the app waits for Redis.
const missedMS = 50

// weigh is a hit's severity: what the check says of it, else the check's own; but a request that pays missedMS more misses
// its target, whatever the reason. A remark stays one: most requests don't meet it.
func (c check) weigh(h hit) Severity {
	if h.severity == "" && c.severity == Warning && c.cost(h) >= missedMS {
		return Critical
	}
	return cmp.Or(h.severity, c.severity)
}

// judge runs the chosen checks, puts symptoms under their causes and sorts what was found (see rank).
func judge(checks []check, o *observation, only, skip []string) ([]CheckResult, []Finding) {
	results := []CheckResult{}
	findings := []Finding{}
	place := o.placement()
	for _, c := range checks {
		if !c.chosen(o, only, skip) {
			continue
		}
		began := time.Now()
		out := c.judge(o)
		r := CheckResult{Code: c.code, Title: c.title, Status: Pass, Why: out.why, unasked: out.unasked, given: slices.Equal(c.needs, []part{knowsSettings})}
		r.DurationMS = ms(o.took(c.needs) + time.Since(began))
		if out.unknown {
			r.Status = Unknown
		}
		var evidence []string
		for _, h := range out.hits {
			f := Finding{
				Code: c.code, Severity: c.weigh(h), Title: c.title, Outage: c.outage || h.outage, WrongAnswers: h.wrong,
				Evidence: h.evidence, CostMS: round(c.cost(h)), Remedy: place.name(cmp.Or(h.remedy, c.remedy)),
				Runbook: RunbookPage(c.code), sql: h.sql, about: h.about, root: len(findings),
			}
			findings = append(findings, f)
			evidence = append(evidence, f.Evidence)
			switch {
			case f.Severity == Critical:
				r.Status = Fail
			case f.Severity == Info && r.Status == Pass:
				r.Status = Remark
			case f.Severity == Warning && r.Status != Fail:
				r.Status = Warn
			}
		}
		if len(evidence) > 0 {
			r.Why = someOf(evidence)
		}
		results = append(results, r)
	}
	attribute(o, causes(), findings)
	for i := range results {
		results[i].Because = because(findings, results[i].Code)
	}
	rank(findings)
	return results, findings
}

// evidenceShown is how many things found by one check it tells itself; the findings have them all.
const evidenceShown = 3

func someOf(evidence []string) string {
	if more := len(evidence) - evidenceShown; more > 0 {
		return fmt.Sprintf("%s And %d more.", strings.Join(evidence[:evidenceShown], " "), more)
	}
	return strings.Join(evidence, " ")
}

// because names the cause that explains every finding of a code, if there is one.
func because(findings []Finding, code string) string {
	name := ""
	for _, f := range findings {
		switch {
		case f.Code != code:
			continue
		case f.Because == "" || name != "" && f.Because != name:
			return ""
		}
		name = f.Because
	}
	return name
}

// applies is false for questions about what nobody named: a server, its metrics, a baseline, a cluster. They
// are left out, instead of being called unknown each time.
func (c check) applies(o *observation) bool {
	for _, p := range c.needs {
		switch p {
		case askedTarget, upTarget, knowsReads:
			if o.config.TargetURL == "" {
				return false
			}
		case hasBaseline:
			if o.config.Baseline == nil {
				return false
			}
		case askedCluster:
			if o.config.Cluster == nil {
				return false
			}
		case knowsMetrics:
			if o.config.TargetURL == "" || o.config.MetricsURL == "" {
				return false
			}
		}
	}
	return true
}

// judge asks the check, unless a part that it needs is missing.
func (c check) judge(o *observation) outcome {
	for _, p := range c.needs {
		if why := o.missing(p); why != "" {
			return outcome{unknown: true, unasked: o.unasked(p), why: why}
		}
	}
	return c.run(o)
}

// cost is what a hit costs a request.
func (c check) cost(h hit) float64 {
	if c.outage || h.outage {
		return failedMS
	}
	return h.costMS
}

// tooManyUnknown is the share of the checks that were asked for from which on nothing is called well.
const tooManyUnknown = 1.0 / 3

// gaps counts the checks that passed, and those that are unknown, with the reason that most of them have. A third of
// what was asked for, or more, is unknown if wide is set; what nobody named counts as not asked for.
func (r Result) gaps() (passes, unknown int, wide bool, why string) {
	reasons := map[string]int{}
	asked := len(r.Checks)
	for _, c := range r.Checks {
		switch {
		case c.Status == Pass:
			passes++
		case c.Status == Unknown && c.unasked:
			unknown++
			asked--
		case c.Status == Unknown:
			unknown++
			reasons[c.Why]++
		}
	}
	for _, c := range r.Checks { // in the registry's order, so that equals are told the same way each time
		if c.Status == Unknown && (why == "" || reasons[c.Why] > reasons[why]) {
			why = c.Why
		}
	}
	missed := 0
	for _, n := range reasons {
		missed += n
	}
	return passes, unknown, missed > 0 && float64(missed) >= tooManyUnknown*float64(asked), why
}

// Unmeasured says why nothing could be measured: no check passed or found anything, but for those that the settings are
// enough for. It is empty otherwise.
func (r Result) Unmeasured() string {
	known := func(c CheckResult) bool { return c.Status != Unknown && (c.Status != Pass || !c.given) }
	_, unknown, _, why := r.gaps()
	if unknown == 0 || slices.ContainsFunc(r.Checks, known) {
		return ""
	}
	return why
}

// Inconclusive reports that what was measured is too little to say that all is well: the probe was interrupted, a third
// of the checks or more is unknown, or a hot path or the cache could not be judged at all.
func (r Result) Inconclusive() bool {
	_, _, wide, _ := r.gaps()
	return r.Interrupted || wide || len(r.Unjudged) > 0
}

// theCache is in Result.Unjudged where no check of Redis has an outcome.
const theCache = "the cache"

// unjudged lists the hot paths of which there is no plan and no error for any user, and the cache if every check of
// Redis that was made is unknown. What no chosen check asks for, or nobody has named, is not among them.
func (o *observation) unjudged(checks []CheckResult) []string {
	var out []string
	plans := o.wantsSome(func(c check) bool { return slices.Contains(c.needs, knowsPlans) })
	if plans && (o.config.URL != "" || o.config.DirectURL != "") {
		for _, q := range hotStatements() {
			if !slices.ContainsFunc(o.hot, func(h HotPath) bool { return h.Name == q.Name && (h.Plan != nil || h.Error != "") }) {
				out = append(out, "the hot path "+q.Name)
			}
		}
	}
	made, known := 0, 0
	for _, c := range checks {
		if strings.HasPrefix(c.Code, "HD-R") && !c.unasked {
			made++
			if c.Status != Unknown {
				known++
			}
		}
	}
	if made > 0 && known == 0 {
		out = append(out, theCache)
	}
	return out
}

// blind says what could not be judged; empty where that is little.
func (r Result) blind() string {
	_, _, wide, why := r.gaps()
	unknown, asked := 0, 0
	for _, c := range r.Checks {
		if c.unasked {
			continue
		}
		asked++
		if c.Status == Unknown {
			unknown++
		}
	}
	said := ""
	if len(r.Unjudged) > 0 {
		said = fmt.Sprintf(" Not checked at all: %s.", strings.Join(r.Unjudged, ", "))
	}
	if wide {
		said += fmt.Sprintf(" %d of %d checks have no result. The most common reason: %s", unknown, asked, why)
	}
	return said
}

// verdict says in one sentence what matters most.
func verdict(r Result) string {
	if r.Interrupted {
		r.Interrupted = false
		return fmt.Sprintf("Interrupted after %.1f s. Result so far: %s", r.DurationMS/1000, verdict(r))
	}
	if why := r.Unmeasured(); why != "" {
		return "Nothing could be measured: " + why
	}
	passes, unknown, wide, _ := r.gaps()
	aside := ""
	if unknown > 0 {
		aside = fmt.Sprintf(", and %d could not be measured", unknown)
	}
	if worst, _ := r.Worst(); len(r.Findings) == 0 || worst == Info {
		if n := len(r.Findings); n > 0 {
			aside += fmt.Sprintf(", %s", plural(n, "note", "notes"))
		}
		if wide || len(r.Unjudged) > 0 {
			return fmt.Sprintf("Inconclusive, because too little could be measured: %s%s%s.%s", plural(passes, "check passed", "checks passed"), aside, usual(r), r.blind())
		}
		return fmt.Sprintf("Nothing wrong was found: %s%s%s.", plural(passes, "check passed", "checks passed"), aside, usual(r))
	}
	first := r.Findings[0]
	cost := ""
	switch {
	case first.Outage:
		cost = ". Requests that need it fail"
	case first.CostMS > 0:
		cost = fmt.Sprintf(". It costs %.1f ms per request", first.CostMS)
	}
	rest := ""
	explained := len(r.symptoms(first))
	if explained > 0 {
		rest = fmt.Sprintf("; it explains %s", plural(explained, "other finding", "other findings"))
	}
	if n := len(r.Findings) - 1 - explained; n > 0 {
		rest += fmt.Sprintf("; %s", plural(n, "more finding", "more findings"))
	}
	return fmt.Sprintf("%s. %s%s (%s%s).%s", first.Title, strings.TrimRight(first.Evidence, "."), cost, first.Code, rest, r.blind())
}

// usual says what a hot read costs when nothing is wrong.
func usual(r Result) string {
	var walls []float64
	var turns []int64
	for _, h := range r.HotPaths {
		if h.Runs > 0 {
			walls = append(walls, h.WallMS)
			turns = append(turns, h.Turns)
		}
	}
	if len(walls) == 0 {
		return ""
	}
	return fmt.Sprintf("; a hot statement takes %.1f ms in %s", median(walls), plural(int(median(turns)), "turn", "turns"))
}
