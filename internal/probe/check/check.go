package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Check is one question of the registry. It judges an observation and measures nothing itself.
type Check struct {
	Code     string
	title    string
	severity facts.Severity
	// outage is set for what fails requests instead of slowing them; they are counted as failedMS.
	outage bool
	Needs  []facts.Part
	run    func(*facts.Observation) Outcome
	// remedy is the command or the setting that mends it; a hit may carry a more exact one.
	remedy string
}

// Outcome is a check's answer: passed, unknown, or one hit for each thing found.
type Outcome struct {
	Unknown bool
	unasked bool // it is unknown because nobody named what it is about
	Why     string
	Hits    []hit
}

// hit is one thing found. Empty fields are filled in from its check.
type hit struct {
	Evidence string
	CostMS   float64
	severity facts.Severity
	Remedy   string
	outage   bool // as the check's, where not all of its hits fail requests
	wrong    bool // somebody gets an answer that is not his
	// sql is the remedy as statements, where that is what it is: a trial runs them one by one.
	sql []string
	// about names what the hit is about (tables, indexes, variables, transactions, pods ...), for the table of causes.
	about []string
}

func passed(format string, args ...any) Outcome { return Outcome{Why: fmt.Sprintf(format, args...)} }

func notKnown(format string, args ...any) Outcome {
	return Outcome{Unknown: true, Why: fmt.Sprintf(format, args...)}
}

func found(hits ...hit) Outcome { return Outcome{Hits: hits} }

// orPassed is found(hits...), or a pass if there are none.
func orPassed(hits []hit, format string, args ...any) Outcome {
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
	for _, c := range Registry() {
		out = append(out, c.Code)
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
func (c Check) weigh(h hit) facts.Severity {
	if h.severity == "" && c.severity == facts.Warning && c.cost(h) >= missedMS {
		return facts.Critical
	}
	return cmp.Or(h.severity, c.severity)
}

// Judge runs the chosen checks, puts symptoms under their causes and sorts what was found (see rank).
func Judge(checks []Check, o *facts.Observation, only, skip []string) ([]facts.CheckResult, []facts.Finding) {
	results := []facts.CheckResult{}
	findings := []facts.Finding{}
	place := place(o)
	for _, c := range checks {
		if !c.chosen(o, only, skip) {
			continue
		}
		began := time.Now()
		out := c.judge(o)
		r := facts.CheckResult{Code: c.Code, Title: c.title, Status: facts.Pass, Why: out.Why, Unasked: out.unasked, Given: slices.Equal(c.Needs, []facts.Part{facts.KnowsSettings})}
		r.DurationMS = facts.MS(o.Took(c.Needs) + time.Since(began))
		if out.Unknown {
			r.Status = facts.Unknown
		}
		var evidence []string
		for _, h := range out.Hits {
			f := facts.Finding{
				Code: c.Code, Severity: c.weigh(h), Title: c.title, Outage: c.outage || h.outage, WrongAnswers: h.wrong,
				Evidence: h.Evidence, CostMS: facts.Round(c.cost(h)), Remedy: place.name(cmp.Or(h.Remedy, c.remedy)),
				Runbook: RunbookPage(c.Code), SQL: h.sql, About: h.about, Root: len(findings),
			}
			findings = append(findings, f)
			evidence = append(evidence, f.Evidence)
			switch {
			case f.Severity == facts.Critical:
				r.Status = facts.Fail
			case f.Severity == facts.Info && r.Status == facts.Pass:
				r.Status = facts.Remark
			case f.Severity == facts.Warning && r.Status != facts.Fail:
				r.Status = facts.Warn
			}
		}
		if len(evidence) > 0 {
			r.Why = SomeOf(evidence)
		}
		results = append(results, r)
	}
	Attribute(o, causes(), findings)
	for i := range results {
		results[i].Because = because(findings, results[i].Code)
	}
	Rank(findings)
	return results, findings
}

// evidenceShown is how many things found by one check it tells itself; the findings have them all.
const evidenceShown = 3

// SomeOf joins the first evidenceShown texts, and counts the others.
func SomeOf(evidence []string) string {
	if more := len(evidence) - evidenceShown; more > 0 {
		return fmt.Sprintf("%s And %d more.", strings.Join(evidence[:evidenceShown], " "), more)
	}
	return strings.Join(evidence, " ")
}

// because names the cause that explains every finding of a code, if there is one.
func because(findings []facts.Finding, code string) string {
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
func (c Check) applies(o *facts.Observation) bool {
	for _, p := range c.Needs {
		switch p {
		case facts.AskedTarget, facts.UpTarget, facts.KnowsReads:
			if o.Config.TargetURL == "" {
				return false
			}
		case facts.HasBaseline:
			if o.Config.Baseline == nil {
				return false
			}
		case facts.AskedCluster:
			if o.Config.Cluster == nil {
				return false
			}
		case facts.KnowsMetrics:
			if o.Config.TargetURL == "" || o.Config.MetricsURL == "" {
				return false
			}
		}
	}
	return true
}

// judge asks the check, unless a part that it needs is missing.
func (c Check) judge(o *facts.Observation) Outcome {
	for _, p := range c.Needs {
		if why := o.Missing(p); why != "" {
			return Outcome{Unknown: true, unasked: o.Unasked(p), Why: why}
		}
	}
	return c.run(o)
}

// cost is what a hit costs a request.
func (c Check) cost(h hit) float64 {
	if c.outage || h.outage {
		return failedMS
	}
	return h.CostMS
}

// theCache is in Result.Unjudged where no check of Redis has an outcome.
const theCache = "the cache"

// Unjudged lists the hot paths of which there is no plan and no error for any user, and the cache if every check of
// Redis that was made is unknown. What no chosen check asks for, or nobody has named, is not among them.
func Unjudged(o *facts.Observation, checks []facts.CheckResult) []string {
	var out []string
	plans := WantsSome(o, func(c Check) bool { return slices.Contains(c.Needs, facts.KnowsPlans) })
	if plans && (o.Config.URL != "" || o.Config.DirectURL != "") {
		for _, q := range facts.HotStatements() {
			if !slices.ContainsFunc(o.Hot, func(h facts.HotPath) bool { return h.Name == q.Name && (h.Plan != nil || h.Error != "") }) {
				out = append(out, "the hot path "+q.Name)
			}
		}
	}
	made, known := 0, 0
	for _, c := range checks {
		if strings.HasPrefix(c.Code, "HD-R") && !c.Unasked {
			made++
			if c.Status != facts.Unknown {
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
func blind(r facts.Result) string {
	_, _, wide, why := r.Gaps()
	unknown, asked := 0, 0
	for _, c := range r.Checks {
		if c.Unasked {
			continue
		}
		asked++
		if c.Status == facts.Unknown {
			unknown++
		}
	}
	said := ""
	if len(r.Unjudged) > 0 {
		said = fmt.Sprintf(" Not checked at all: %s.", strings.Join(r.Unjudged, ", "))
	}
	if wide {
		said += fmt.Sprintf(" No result for %d of %d checks. The most common reason: %s", unknown, asked, why)
	}
	return said
}

// Verdict says in one sentence what matters most.
func Verdict(r facts.Result) string {
	if r.Interrupted {
		r.Interrupted = false
		return fmt.Sprintf("Interrupted after %.1f s. Result so far: %s", r.DurationMS/1000, Verdict(r))
	}
	if why := r.Unmeasured(); why != "" {
		return "Nothing could be measured: " + why
	}
	passes, unknown, wide, _ := r.Gaps()
	aside := ""
	if unknown > 0 {
		aside = fmt.Sprintf(", and %d could not be measured", unknown)
	}
	if worst, _ := r.Worst(); len(r.Findings) == 0 || worst == facts.Info {
		if n := len(r.Findings); n > 0 {
			aside += fmt.Sprintf(", %s", facts.Plural(n, "note", "notes"))
		}
		if wide || len(r.Unjudged) > 0 {
			return fmt.Sprintf("Inconclusive, because too little could be measured: %s%s%s.%s", facts.Plural(passes, "check passed", "checks passed"), aside, usual(r), blind(r))
		}
		return fmt.Sprintf("Nothing wrong was found: %s%s%s.", facts.Plural(passes, "check passed", "checks passed"), aside, usual(r))
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
	explained := len(r.Symptoms(first))
	if explained > 0 {
		rest = fmt.Sprintf("; it explains %s", facts.Plural(explained, "other finding", "other findings"))
	}
	if n := len(r.Findings) - 1 - explained; n > 0 {
		rest += fmt.Sprintf("; %s", facts.Plural(n, "more finding", "more findings"))
	}
	return fmt.Sprintf("%s. %s%s (%s%s).%s", first.Title, strings.TrimRight(first.Evidence, "."), cost, first.Code, rest, blind(r))
}

// usual says what a hot read costs when nothing is wrong.
func usual(r facts.Result) string {
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
	return fmt.Sprintf("; a hot statement takes %.1f ms in %s", facts.Median(walls), facts.Plural(int(facts.Median(turns)), "turn", "turns"))
}
