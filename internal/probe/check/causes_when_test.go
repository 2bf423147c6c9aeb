package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestWhatAStatementExplains takes every line of the table of causes from one check of statements to others: it holds
// for the same table and for a cause that is more than a remark, and for nothing else.
func TestWhatAStatementExplains(t *testing.T) {
	lines := 0
	for _, c := range causes() {
		for _, symptom := range c.Explains {
			if !strings.HasPrefix(c.Code, "HD-Q") || !strings.HasPrefix(symptom, "HD-Q") {
				continue
			}
			lines++
			for _, f := range []struct {
				name     string
				severity facts.Severity
				about    []string
				explains bool
			}{
				{"the same table", facts.Warning, []string{"contractors", "tasks"}, true},
				{"another table", facts.Warning, []string{"contractors"}, false},
				{"a remark", facts.Info, []string{"tasks"}, false},
				{"no table", facts.Critical, nil, false},
			} {
				findings := []facts.Finding{
					{Code: c.Code, Severity: f.severity, About: f.about},
					{Code: symptom, Severity: facts.Critical, CostMS: 300, About: []string{"tasks", "residences"}, Root: 1},
				}
				Attribute(&facts.Observation{}, causes(), findings)
				if got := findings[1].Because == c.Code; got != f.explains {
					t.Errorf("%s, %s: it explains %s: %v", c.Code, f.name, symptom, got)
				}
				if paid := findings[0].CostMS > 0; paid != f.explains {
					t.Errorf("%s, %s: it costs what %s does: %v", c.Code, f.name, symptom, paid)
				}
			}
		}
	}
	if lines < 23 {
		t.Errorf("only %d lines were judged", lines)
	}
}

// TestWhatExplainsWhat takes every other line of the table: it holds for the cases that say so, of which each line with a
// condition has one, and for none of those that say the contrary, of which each has one, too.
func TestWhatExplainsWhat(t *testing.T) {
	tried := map[string]map[bool]bool{}
	for _, c := range causeCases() {
		for _, line := range c.lines {
			code, symptom, _ := strings.Cut(line, " ")
			cause, effect := c.cause, c.symptom
			cause.Code, effect.Code, effect.Root = code, symptom, 1
			findings := []facts.Finding{cause, effect}
			o := c.o
			if o == nil {
				o = &facts.Observation{}
			}
			Attribute(o, causes(), findings)
			if got := findings[1].Because == code; got != c.explains {
				t.Errorf("%s: %s explains %s: %v", c.name, code, symptom, got)
			}
			if tried[line] == nil {
				tried[line] = map[bool]bool{}
			}
			tried[line][c.explains] = true
		}
	}
	for _, c := range causes() {
		for _, symptom := range c.Explains {
			line := c.Code + " " + symptom
			ofStatements := strings.HasPrefix(c.Code, "HD-Q") && strings.HasPrefix(symptom, "HD-Q")
			if c.When != nil && !ofStatements && (!tried[line][true] || !tried[line][false]) {
				t.Errorf("no case shows that %s explains %s, or none that it does not", c.Code, symptom)
			}
			delete(tried, line)
			if findings := []facts.Finding{{Code: c.Code}, {Code: symptom, Root: 1}}; c.When == nil {
				if Attribute(&facts.Observation{}, causes(), findings); findings[1].Because != c.Code {
					t.Errorf("%s alone does not explain %s", c.Code, symptom)
				}
			}
		}
	}
	for line, cases := range tried {
		if cases[true] {
			t.Errorf("the table has no line %s", line)
		}
	}
}

// causeCase is a pair of findings that the table judges.
type causeCase struct {
	name           string
	lines          []string // the codes of the cause and of the symptom
	explains       bool
	o              *facts.Observation
	cause, symptom facts.Finding
}

func causeCases() []causeCase {
	return slices.Concat(reachCases(), wayCases(), serverCases(), cacheCases())
}

func reachCases() []causeCase {
	failed := func(k facts.Kind) *facts.PGServer { return &facts.PGServer{Failed: &facts.Failure{Kind: k}} }
	full := func(used int64) *facts.Observation {
		a := facts.Activity{Held: []facts.HeldBy{{N: used}}}
		a.Limits.Server, a.Limits.Database, a.Limits.Role = 100, -1, -1
		return looks(a)
	}
	reason := func(why string) *facts.Observation { return &facts.Observation{Target: &facts.Target{Reason: why}} }
	pods := func(why string) *facts.Observation {
		o := reason(why)
		o.Cluster = &facts.ClusterFacts{Pods: make([]facts.PodFacts, 2)}
		o.Cluster.Pods[0].Metadata.Name, o.Cluster.Pods[0].Metadata.Labels = "honeydue-1", map[string]string{"app.kubernetes.io/name": "honeydue"}
		o.Cluster.Pods[1].Metadata.Name, o.Cluster.Pods[1].Metadata.Labels = "honeydue-redis-0", map[string]string{"app.kubernetes.io/name": "honeydue-redis"}
		return o
	}
	about := func(s facts.Severity, what string) facts.Finding {
		return facts.Finding{Severity: s, About: []string{what}}
	}
	refused := []string{"HD-P07 HD-D01"}
	lost := []string{"HD-D01 HD-T12", "HD-P01 HD-T12", "HD-P05 HD-T12"}
	notReady := []string{"HD-D01 HD-T02", "HD-P01 HD-T02", "HD-P05 HD-T02"}
	none := facts.Finding{}
	return []causeCase{
		{"nobody else was asked", refused, true, &facts.Observation{}, none, none},
		{"the direct endpoint fails as well", refused, false, &facts.Observation{Direct: failed(facts.KindRefused)}, none, none},
		{"the direct endpoint is refused for want of connections", []string{"HD-D07 HD-D01", "HD-D07 HD-D02"}, true, &facts.Observation{Direct: failed(facts.KindTooMany)}, none, none},
		{"four fifths are taken, and nobody listens there", []string{"HD-D07 HD-D01", "HD-D07 HD-D02"}, false, &facts.Observation{Direct: failed(facts.KindRefused)}, none, none},
		{"all are taken", []string{"HD-D07 HD-P05"}, true, full(100), none, none},
		{"nearly all are taken", []string{"HD-D07 HD-P05"}, false, full(97), about(facts.Critical, ""), none},
		{"the pooler was refused", []string{"HD-D07 HD-P05"}, true, &facts.Observation{Pooler: failed(facts.KindTooMany)}, none, none},
		{"too many connections", []string{"HD-D07 HD-Q06"}, true, nil, none, about(facts.Critical, "53300")},
		{"a column is missing", []string{"HD-D07 HD-Q06"}, false, nil, about(facts.Warning, ""), about(facts.Critical, "42703")},
		{"it is gone", []string{"HD-D01 HD-D02"}, true, &facts.Observation{Direct: failed(facts.KindRefused)}, none, none},
		{"both are refused", []string{"HD-D01 HD-D02"}, true, &facts.Observation{Direct: failed(facts.KindCredentials), Pooler: failed(facts.KindCredentials)}, none, none},
		{"an error about its own URL", []string{"HD-D01 HD-D02"}, false, &facts.Observation{Direct: failed(facts.KindCredentials), Pooler: failed(facts.KindTimeout)}, none, none},
		{"Redis admits nobody", []string{"HD-R11 HD-R01"}, true, &facts.Observation{Redis: &facts.RedisServer{Failed: &facts.Failure{Kind: facts.KindTooMany}}}, none, none},
		{"Redis refuses the password", []string{"HD-R11 HD-R01"}, false, &facts.Observation{Redis: &facts.RedisServer{Failed: &facts.Failure{Kind: facts.KindCredentials}}}, none, none},
		{"the server says that it is the database", notReady, true, reason("the database does not answer"), none, none},
		{"the server warms up", notReady, false, reason("warming up"), none, none},
		{"the server has no database", lost, true, nil, none, about(facts.Critical, "503")},
		{"the server fails by itself", lost, false, nil, none, about(facts.Critical, "500")},
		{"the server can't be reached", lost, false, nil, none, about(facts.Critical, noReply)},
		{"the server refuses reads", []string{"HD-T02 HD-T12"}, true, nil, none, about(facts.Critical, "503")},
		{"the server drains, and fails", []string{"HD-T02 HD-T12"}, false, nil, none, about(facts.Critical, "500")},
		{"a pod of the app has just restarted", []string{"HD-K01 HD-T12"}, true, pods(""), about(facts.Critical, "honeydue-1"), about(facts.Critical, noReply)},
		{"a pod of the app has just restarted, and the app fails", []string{"HD-K01 HD-T12"}, false, pods(""), about(facts.Critical, "honeydue-1"), about(facts.Critical, "500")},
		{"a pod of the app restarted 20 h ago", []string{"HD-K01 HD-T02", "HD-K01 HD-T12"}, false, pods(""), about(facts.Warning, "honeydue-1"), about(facts.Critical, noReply)},
		{"Redis's pod has just restarted", []string{"HD-K01 HD-T02", "HD-K01 HD-T12"}, false, pods(""), about(facts.Critical, "honeydue-redis-0"), about(facts.Critical, noReply)},
		{"the new pod warms up", []string{"HD-K01 HD-T02"}, true, pods("warming up"), about(facts.Critical, "honeydue-1"), none},
		{"the new pod lacks the database", []string{"HD-K01 HD-T02"}, false, pods("the database does not answer"), about(facts.Critical, "honeydue-1"), none},
		{"the same pod", []string{"HD-K01 HD-K03", "HD-K02 HD-K03"}, true, nil, about(facts.Critical, "honeydue-1"), about(facts.Warning, "honeydue-1")},
		{"another pod", []string{"HD-K01 HD-K03", "HD-K02 HD-K03"}, false, nil, about(facts.Critical, "honeydue-2"), about(facts.Warning, "honeydue-1")},
		{"the same pod, a day ago", []string{"HD-K01 HD-K03"}, false, nil, about(facts.Warning, "honeydue-1"), about(facts.Warning, "honeydue-1")},
		{"the app is throttled", []string{"HD-K02 HD-T14"}, true, pods(""), facts.Finding{CostMS: 20, About: []string{"honeydue-1"}}, facts.Finding{CostMS: 30}},
		{"the app is throttled a little", []string{"HD-K02 HD-T14"}, false, pods(""), facts.Finding{CostMS: 5, About: []string{"honeydue-1"}}, facts.Finding{CostMS: 30}},
		{"Redis is throttled", []string{"HD-K02 HD-T14"}, false, pods(""), facts.Finding{CostMS: 20, About: []string{"honeydue-redis-0"}}, facts.Finding{CostMS: 30}},
	}
}

func wayCases() []causeCase {
	stalled := func(again, disordered int64, hotMS float64) *facts.Observation {
		s := &facts.PGServer{Floor: 10 * time.Millisecond}
		for range 5 {
			s.Samples = append(s.Samples, 410*time.Millisecond)
		}
		o := &facts.Observation{Direct: s}
		o.Ways.Segments = &link.Segments{Sent: 200, Again: again, Received: 200, Disordered: disordered}
		o.Ways.Transfers.List = []facts.Transfer{{KB: 100, HotMS: hotMS}}
		return o
	}
	transactions := func(all, executing float64) *facts.Observation {
		return consoleSaid(facts.PoolerStats{}, facts.PoolerStats{Transactions: 100, TransactionMS: all, QueryMS: executing})
	}
	replaced := func(waited int, starved bool) *facts.Observation {
		o := consoleSaid(facts.PoolerStats{}, facts.PoolerStats{})
		o.Ways.Console.Before.Servers, o.Ways.Console.After.Servers = map[string]bool{"1": true, "2": true, "3": true}, map[string]bool{"4": true, "5": true, "6": true}
		for range waited {
			o.Hot = append(o.Hot, facts.HotPath{Runs: 3, ResidualName: "pooler wait", Starved: starved})
		}
		return o
	}
	late := func(longestMS float64, handshakes ...float64) *facts.Observation {
		o := stalled(0, 0, 400)
		o.Work.Moments = []facts.WorkMoment{{Server: []float64{0.25, 0.25, longestMS + 0.25, 0.25}}}
		o.Ways.Handshakes = handshakes
		return o
	}
	drifted := func(value string) *facts.Observation {
		return &facts.Observation{Config: facts.Config{Settings: []facts.Setting{{Name: "DB_MIN_IDLE_CONNS", Value: value, Tuned: "20", Drifted: true}}}}
	}
	through := func(pooler string) *facts.Observation {
		return &facts.Observation{Target: &facts.Target{ThroughPooler: pooler}}
	}
	of := func(what string) facts.Finding { return facts.Finding{About: []string{what}} }
	costing := func(ms float64, about ...string) facts.Finding { return facts.Finding{CostMS: ms, About: about} }
	none := facts.Finding{}
	return []causeCase{
		{"as many lost as stood still", []string{"HD-N06 HD-N05"}, true, stalled(3, 2, 0), none, none},
		{"fewer lost than stood still", []string{"HD-N06 HD-N05"}, false, stalled(4, 0, 0), none, none},
		{"as dear", []string{"HD-N06 HD-N04", "HD-N05 HD-N04"}, true, nil, facts.Finding{CostMS: 30}, facts.Finding{CostMS: 30}},
		{"dearer than that", []string{"HD-N06 HD-N04", "HD-N05 HD-N04"}, false, nil, facts.Finding{CostMS: 3}, facts.Finding{CostMS: 30}},
		{"lost on the way back", []string{"HD-N06 HD-N10"}, true, stalled(0, 10, 500), none, none},
		{"lost on the way to the server", []string{"HD-N06 HD-N10"}, false, stalled(10, 0, 500), none, none},
		{"one stall is all that is wrong with the band", []string{"HD-N05 HD-N10"}, true, stalled(0, 0, 450), none, none},
		{"the band is narrow beside the stalls", []string{"HD-N05 HD-N10"}, false, stalled(0, 0, 900), none, none},
		{"three round trips less would do", []string{"HD-N08 HD-N10"}, true, stalled(0, 0, 300), facts.Finding{CostMS: 100}, none},
		{"a nearer region would not do", []string{"HD-N08 HD-N10"}, false, stalled(0, 0, 900), facts.Finding{CostMS: 100}, none},
		{"the server's pauses make round trips vary", []string{"HD-D24 HD-N04"}, true, late(80, 2, 3, 2), facts.Finding{CostMS: 30}, facts.Finding{CostMS: 40}},
		{"what the pooler answers varies as well", []string{"HD-D24 HD-N04"}, false, late(80, 2, 60, 45), facts.Finding{CostMS: 30}, facts.Finding{CostMS: 40}},
		{"round trips vary more than that", []string{"HD-D24 HD-N04"}, false, late(80, 2, 3, 2), facts.Finding{CostMS: 10}, facts.Finding{CostMS: 40}},
		{"pauses as long as a stall", []string{"HD-D24 HD-N05", "HD-D24 HD-N10"}, true, late(350), none, none},
		{"shorter pauses", []string{"HD-D24 HD-N05", "HD-D24 HD-N10"}, false, late(30), none, none},
		{"what the server is late by is no distance", []string{"HD-D24 HD-N08"}, true, late(80), facts.Finding{CostMS: 30}, facts.Finding{CostMS: 20}},
		{"it is farther away than that", []string{"HD-D24 HD-N08"}, false, late(80), facts.Finding{CostMS: 30}, facts.Finding{CostMS: 90}},
		{"transactions that mostly do nothing", []string{"HD-P11 HD-P04", "HD-P11 HD-P10"}, true, transactions(20000, 10000), none, none},
		{"transactions that mostly execute", []string{"HD-P11 HD-P04", "HD-P11 HD-P10"}, false, transactions(20000, 17000), none, none},
		{"transactions that mostly do nothing fill the pool", []string{"HD-P11 HD-P09"}, true, transactions(20000, 10000), none, of(serverConnections)},
		{"they do, and the clients are many", []string{"HD-P11 HD-P09"}, false, transactions(20000, 10000), none, of("clients")},
		{"transactions that mostly execute fill the pool", []string{"HD-P11 HD-P09"}, false, transactions(20000, 17000), none, of(serverConnections)},
		{"as many replaced as waited", []string{"HD-P12 HD-P04"}, true, replaced(3, false), none, none},
		{"more waited than were replaced", []string{"HD-P12 HD-P04"}, false, replaced(4, false), none, none},
		{"no answer in 3 s", []string{"HD-P12 HD-P04"}, false, replaced(3, true), none, none},
		{"the pool is full", []string{"HD-P04 HD-P09", "HD-P09 HD-P10"}, true, nil, of(serverConnections), of(serverConnections)},
		{"clients are many", []string{"HD-P04 HD-P09", "HD-P09 HD-P10"}, false, nil, of("clients"), of("clients")},
		{"the server goes through the pooler", []string{"HD-P04 HD-T04"}, true, through("yes"), none, none},
		{"the server goes past the pooler", []string{"HD-P04 HD-T04"}, false, through("no"), none, none},
		{"closed for idleness, and as dear as connecting", []string{"HD-P13 HD-T04"}, true, nil, costing(785, facts.IdleSetting), costing(700)},
		{"closed for idleness, and dearer than connecting", []string{"HD-P13 HD-T04"}, false, nil, costing(785, facts.IdleSetting), costing(900)},
		{"another setting of the pooler", []string{"HD-P13 HD-T04"}, false, nil, costing(785, facts.DefaultPoolSize), costing(700)},
		{"fewer idle connections", []string{"HD-C01 HD-T04"}, true, drifted("10"), of("DB_MIN_IDLE_CONNS"), none},
		{"more idle connections", []string{"HD-C01 HD-T04"}, false, drifted("30"), of("DB_MIN_IDLE_CONNS"), none},
		{"another setting", []string{"HD-C01 HD-T04"}, false, drifted("10"), of("USER_CACHE_TTL"), none},
	}
}

func serverCases() []causeCase {
	pending := &facts.Observation{
		Expected: []store.Index{{Name: "new_idx", Table: "tasks", Migration: "00004.sql"}, {Name: "old_idx", Table: "tasks", Migration: "00001.sql"}},
		Pending:  []string{"00004.sql"},
	}
	lacks := func(state string) *facts.Observation {
		return &facts.Observation{Hot: []facts.HotPath{{SQLState: state}}}
	}
	long := func(vacuumedS *float64, autovacuum bool) *facts.Observation {
		o := watched(facts.ServerFacts{Samples: []facts.Activity{{Sessions: []facts.PGSession{{PID: 7, State: "active", XactS: 1000}}}}, Tables: []facts.TableSpace{{Name: "tasks", VacuumedS: vacuumedS}}})
		o.Facts = &facts.DatabaseFacts{Tables: map[string]facts.TableFacts{"tasks": {Autovacuum: autovacuum}}}
		return o
	}
	read := func(blocks float64) *facts.Observation {
		o := watched(facts.ServerFacts{Last: facts.DatabaseCounters{Read: blocks}})
		o.Hot = []facts.HotPath{{FirstRun: &facts.FirstRun{ReadBlocks: 10_000}}}
		return o
	}
	hot := func(slow, fine int) *facts.Observation {
		o := &facts.Observation{Hot: []facts.HotPath{{}}} // one that was not executed
		for i := range slow + fine {
			h := facts.HotPath{FirstRun: &facts.FirstRun{}, S14: facts.S14Verdict{Status: facts.Pass}}
			if i < slow {
				h.S14.Status, h.PlanningMS = facts.Fail, PlanningLeastMS
			}
			o.Hot = append(o.Hot, h)
		}
		return o
	}
	working := func(waitsFor string) *facts.Observation {
		session := facts.PGSession{State: "active", Statement: "nightly_report", WaitType: waitsFor}
		return watched(facts.ServerFacts{Samples: []facts.Activity{{Sessions: []facts.PGSession{session}}, {Sessions: []facts.PGSession{session}}}})
	}
	of := func(s facts.Severity, what ...string) facts.Finding { return facts.Finding{Severity: s, About: what} }
	none := facts.Finding{}
	chain := of(facts.Critical, "pid 1 since 10", "pid 2 since 20")
	return []causeCase{
		{"an index of the pending migration", []string{"HD-D03 HD-Q01"}, true, pending, none, of(facts.Warning, "tasks", "new_idx")},
		{"an index of an applied one", []string{"HD-D03 HD-Q01"}, false, pending, none, of(facts.Warning, "tasks", "old_idx")},
		{"a column is missing", []string{"HD-D03 HD-Q06", "HD-D03 HD-Q19"}, true, nil, none, of(facts.Critical, "42703")},
		{"the tables are not there", []string{"HD-D03 HD-D21"}, true, nil, none, of(facts.Warning, "search_path")},
		{"commits are not waited for", []string{"HD-D03 HD-D21"}, false, nil, none, of(facts.Warning, "synchronous_commit")},
		{"the self-test is refused for read-only", []string{"HD-D19 HD-Q19"}, true, nil, none, of(facts.Critical, "25006")},
		{"the self-test is refused for a right", []string{"HD-D19 HD-Q19"}, false, nil, none, of(facts.Critical, "42501")},
		{"the encoding lacks a character", []string{"HD-D21 HD-Q19"}, true, nil, of(facts.Warning, "server_encoding"), of(facts.Critical, "22P05")},
		{"the encoding is another, and a right is missing", []string{"HD-D21 HD-Q19"}, false, nil, of(facts.Warning, "server_encoding"), of(facts.Critical, "42501")},
		{"reads and writes lack a right", []string{"HD-Q19 HD-Q06"}, true, nil, of(facts.Critical, "42501"), of(facts.Critical, "42501")},
		{"writes lack a right, and reads a column", []string{"HD-Q19 HD-Q06"}, false, nil, of(facts.Critical, "42501"), of(facts.Critical, "42703")},
		{"reads and writes lack a table, which the read names", []string{"HD-Q19 HD-Q06"}, false, nil, of(facts.Critical, "42P01"), of(facts.Critical, "42P01")},
		{"a right is missing", []string{"HD-D03 HD-Q06", "HD-D03 HD-Q19"}, false, nil, none, of(facts.Critical, "42501")},
		{"a column is missing for the probe, too", []string{"HD-D03 HD-T12"}, true, lacks("42703"), none, of(facts.Critical, "500")},
		{"it works for the probe", []string{"HD-D03 HD-T12"}, false, lacks(""), none, of(facts.Critical, "500")},
		{"the server has no database", []string{"HD-D03 HD-T12"}, false, lacks("42703"), none, of(facts.Critical, "503")},
		{"reads that get no reply", []string{"HD-D04 HD-T12"}, true, nil, chain, of(facts.Critical, noReply)},
		{"reads that fail by themselves", []string{"HD-D04 HD-T12"}, false, nil, chain, of(facts.Critical, "500")},
		{"all of the chain", []string{"HD-D04 HD-D05", "HD-D04 HD-D06"}, true, nil, chain, of(facts.Warning, "pid 1 since 10", "pid 2 since 20")},
		{"one that is not in the chain", []string{"HD-D04 HD-D05", "HD-D04 HD-D06"}, false, nil, chain, of(facts.Warning, "pid 1 since 10", "pid 3 since 10")},
		{"another transaction of that process", []string{"HD-D04 HD-D05", "HD-D04 HD-D06"}, false, nil, chain, of(facts.Warning, "pid 1 since 11")},
		{"a chain that is over", []string{"HD-D04 HD-D05", "HD-D04 HD-D06"}, false, nil, of(facts.Warning, "pid 1 since 10"), of(facts.Warning, "pid 1 since 10")},
		{"vacuum has come in vain", []string{"HD-D06 HD-Q08"}, true, long(new(float64(60)), true), none, of(facts.Warning, "tasks")},
		{"the last vacuum was before it", []string{"HD-D06 HD-Q08"}, false, long(new(float64(999)), true), none, of(facts.Warning, "tasks")},
		{"vacuum never came", []string{"HD-D06 HD-Q08"}, false, long(nil, true), none, of(facts.Warning, "tasks")},
		{"autovacuum is off", []string{"HD-D06 HD-Q08"}, false, long(new(float64(60)), false), none, of(facts.Warning, "tasks")},
		{"a table is half empty", []string{"HD-D06 HD-D10"}, false, long(new(float64(60)), true), none, of(facts.Warning, "tasks")},
		{"what the first run lacked is lost again", []string{"HD-D22 HD-Q15"}, true, nil, of(facts.Warning, "tasks"), of(facts.Warning, "tasks")},
		{"another table's first run", []string{"HD-D22 HD-Q15"}, false, nil, of(facts.Warning, "tasks"), of(facts.Warning, "documents")},
		{"the probe's own cold reads", []string{"HD-Q15 HD-D11"}, true, read(15_000), of(facts.Warning, "tasks"), of(facts.Warning)},
		{"others' reads", []string{"HD-Q15 HD-D11"}, false, read(25_000), of(facts.Warning, "tasks"), of(facts.Warning)},
		{"reads of weeks", []string{"HD-Q15 HD-D11"}, false, read(15_000), of(facts.Warning, "tasks"), of(facts.Info)},
		{"cold reads that nobody notices", []string{"HD-Q15 HD-D11"}, false, read(15_000), of(facts.Info, "tasks"), of(facts.Warning)},
		{"both endpoints lead to a standby", []string{"HD-D19 HD-D02"}, true, nil, of(facts.Critical, standbyEndpoint), of(facts.Warning, standbyEndpoint)},
		{"transactions are read-only, and the direct endpoint is a standby", []string{"HD-D19 HD-D02"}, false, nil, of(facts.Critical), of(facts.Warning, standbyEndpoint)},
		{"the direct endpoint is a pooler", []string{"HD-D19 HD-D02"}, false, nil, of(facts.Critical, standbyEndpoint), of(facts.Warning)},
		{"half of the statements", []string{"HD-D13 HD-Q04", "HD-D13 HD-Q16", "HD-D24 HD-Q04", "HD-D24 HD-Q16"}, true, hot(2, 2), none, none},
		{"one of four", []string{"HD-D13 HD-Q04", "HD-D13 HD-Q16", "HD-D24 HD-Q04", "HD-D24 HD-Q16"}, false, hot(1, 3), none, none},
		{"others compute", []string{"HD-D13 HD-D24"}, true, working(""), none, none},
		{"others sleep", []string{"HD-D13 HD-D24"}, false, working("Timeout"), none, none},
	}
}

func cacheCases() []causeCase {
	failing := func(during, ever int64) *facts.Observation {
		return &facts.Observation{
			Redis: &facts.RedisServer{Failed: &facts.Failure{Kind: facts.KindTimeout}},
			Target: &facts.Target{Metrics: &facts.TargetMetrics{
				RedisErrors: ever, RedisErrorsDuring: during, FillsRefused: ever, Caches: []facts.CacheMetrics{{Cache: "list", Asked: 1000, Hits: 400}, {Cache: "user", Asked: 9000, Hits: 0}},
			}},
		}
	}
	unasked := func(k facts.Kind) *facts.Observation {
		return &facts.Observation{Redis: &facts.RedisServer{Failed: &facts.Failure{Kind: k}}, Target: &facts.Target{}}
	}
	turned := func(after string) *facts.Observation {
		return &facts.Observation{Redis: &facts.RedisServer{Facts: &facts.RedisFacts{First: map[string]string{"rejected_connections": "5"}, Last: map[string]string{"rejected_connections": after}}}}
	}
	said := func(status string) *facts.Observation {
		return &facts.Observation{
			Pooler: &facts.PGServer{Endpoint: facts.Endpoint{FloorMS: 100}}, Redis: &facts.RedisServer{Failed: &facts.Failure{Kind: facts.KindRefused}},
			Target: &facts.Target{Reads: []facts.TargetRead{{Route: "contractor_list", CacheStatus: "token; fwd=bypass; detail=redis-unreachable"}, {Route: "task_board", CacheStatus: status}}},
		}
	}
	elsewhere := func(o *facts.Observation) *facts.Observation {
		o.Redis = &facts.RedisServer{Failed: &facts.Failure{Kind: facts.KindName}} // the probe's own name server
		return o
	}
	because := func(o cache.Outcome) facts.Finding { return facts.Finding{About: []string{string(o)}} }
	expiring := func(n int64) *facts.Observation {
		o := failing(0, 0)
		o.Target.Metrics.Lists = []facts.ListMetrics{{List: "tasks", Reads: 1000, Outcomes: map[string]int64{"hit": 400, "expired": n, "own_write": 600 - n}}}
		return o
	}
	board := facts.Finding{About: []string{"task_board"}}
	list, user := facts.Finding{CostMS: 60, About: []string{"list"}}, facts.Finding{CostMS: 60, About: []string{"user"}}
	none := facts.Finding{}
	return []causeCase{
		{"a full Redis refuses the self-test", []string{"HD-R04 HD-R19"}, true, nil, none, facts.Finding{About: []string{string(cache.FaultMemory)}}},
		{"a Redis that fails to save refuses the self-test", []string{"HD-R14 HD-R19"}, true, nil, none, facts.Finding{About: []string{string(cache.FaultWrites)}}},
		{"a right is missing", []string{"HD-R04 HD-R19", "HD-R14 HD-R19"}, false, nil, none, facts.Finding{About: []string{string(cache.FaultPermission)}}},
		{"the server lost calls meanwhile", []string{"HD-R01 HD-T15"}, true, failing(2, 2), none, none},
		{"Redis refuses both", []string{"HD-R01 HD-T07"}, true, unasked(facts.KindCredentials), none, none},
		{"the probe's name server is at fault", []string{"HD-R01 HD-T07"}, false, unasked(facts.KindName), none, none},
		{"the probe's name server, and lost calls", []string{"HD-R01 HD-T15"}, false, elsewhere(failing(2, 2)), none, none},
		{"the probe's name server, and no Redis for the server", []string{"HD-R01 HD-T05"}, false, elsewhere(said("list; fwd=bypass; detail=redis-unreachable")), none, board},
		{"the probe's name server, and many errors", []string{"HD-R01 HD-T06"}, false, elsewhere(failing(1, 300)), none, list},
		{"the server lost none", []string{"HD-R01 HD-T15"}, false, failing(0, 2), none, none},
		{"Redis is gone, and the server was not asked", []string{"HD-R01 HD-T15"}, true, unasked(facts.KindRefused), none, none},
		{"the probe's password is wrong", []string{"HD-R01 HD-T15"}, false, unasked(facts.KindCredentials), none, none},
		{"clients were turned away", []string{"HD-R11 HD-T07"}, true, turned("6"), none, none},
		{"there is room for some more", []string{"HD-R11 HD-T07"}, false, turned("5"), none, none},
		{"Redis is slow", []string{"HD-R06 HD-T15"}, true, nil, facts.Finding{Severity: facts.Warning, CostMS: 20}, facts.Finding{CostMS: 30}},
		{"Redis is a little slow", []string{"HD-R06 HD-T15"}, false, nil, facts.Finding{Severity: facts.Warning, CostMS: 12}, facts.Finding{CostMS: 30}},
		{"Redis is far from the probe", []string{"HD-R06 HD-T15"}, false, nil, facts.Finding{Severity: facts.Info, CostMS: 30}, facts.Finding{CostMS: 30}},
		{"without Redis", []string{"HD-R01 HD-T05", "HD-T07 HD-T05"}, true, said("token; fwd=bypass; detail=redis-unreachable, list; fwd=bypass; detail=redis-unreachable"), none, board},
		{"without copies", []string{"HD-R01 HD-T05", "HD-T07 HD-T05", "HD-R16 HD-T05", "HD-R17 HD-T05", "HD-T16 HD-T05"}, false, said("token; hit, list; fwd=bypass; detail=off"), none, board},
		{"for want of a right", []string{"HD-R19 HD-T05"}, true, said("token; fwd=bypass; detail=redis-no-permission"), facts.Finding{About: []string{string(cache.FaultPermission)}}, board},
		{"calls fail for want of a right", []string{"HD-R19 HD-T07"}, true, said("token; fwd=bypass; detail=redis-no-permission"), facts.Finding{About: []string{string(cache.FaultPermission)}}, none},
		{"for another reason than a right", []string{"HD-R19 HD-T05", "HD-R19 HD-T07"}, false, said("token; fwd=bypass; detail=redis-timeout"), facts.Finding{About: []string{string(cache.FaultPermission)}}, board},
		{"held", []string{"HD-R16 HD-T05", "HD-T16 HD-T05"}, true, said("token; fwd=miss, list; fwd=bypass; detail=held"), none, board},
		{"without a lease", []string{"HD-R17 HD-T05"}, true, said("token; fwd=miss, list; fwd=bypass; detail=no-lease"), none, board},
		{"written meanwhile", []string{"HD-T16 HD-T05"}, true, said("token; hit, list; fwd=miss; detail=moved"), none, board},
		{"most of what is asked for is evicted", []string{"HD-R05 HD-T05"}, true, said(""), facts.Finding{CostMS: 60}, board},
		{"some is evicted", []string{"HD-R05 HD-T05"}, false, said(""), facts.Finding{CostMS: 20}, board},
		{"as many errors as half of the misses", []string{"HD-R01 HD-T06", "HD-T07 HD-T06"}, true, failing(1, 300), none, list},
		{"fewer errors", []string{"HD-R01 HD-T06", "HD-T07 HD-T06"}, false, failing(1, 299), none, list},
		{"as many refusals as a tenth of the misses", []string{"HD-T16 HD-T06"}, true, failing(0, 60), none, list},
		{"fewer refusals", []string{"HD-T16 HD-T06"}, false, failing(0, 59), none, list},
		{"the server cannot reach Redis", []string{"HD-R01 HD-T18", "HD-T07 HD-T18"}, true, failing(1, 1), none, because(cache.Unreached)},
		{"no sweep vouches for the lists", []string{"HD-R17 HD-T18"}, true, nil, none, because(cache.NoLease)},
		{"Redis is too small for the lists", []string{"HD-R05 HD-T18"}, true, nil, none, because(cache.Evicted)},
		{"lists expire", []string{"HD-R01 HD-T18", "HD-T07 HD-T18", "HD-R17 HD-T18", "HD-R05 HD-T18"}, false, failing(1, 1), none, because(cache.Expired)},
		{"the probe's name server, and no Redis for the lists", []string{"HD-R01 HD-T18"}, false, elsewhere(failing(1, 1)), none, because(cache.Unreached)},
		{"half of the misses are not explained", []string{"HD-T18 HD-T06"}, true, expiring(300), none, list},
		{"fewer are not", []string{"HD-T18 HD-T06"}, false, expiring(299), none, list},
		{"the users are missed, not the lists", []string{"HD-T18 HD-T06"}, false, expiring(300), none, user},
		{"another cache misses far more", []string{"HD-T16 HD-T06"}, false, failing(0, 60), none, user},
		{"evictions make half of the misses", []string{"HD-R05 HD-T06"}, true, nil, facts.Finding{CostMS: 30}, list},
		{"evictions make a few of the misses", []string{"HD-R05 HD-T06"}, false, nil, facts.Finding{CostMS: 10}, list},
	}
}

// TestStatementFindingsNameTables: without them the table of causes could not tell one statement from another.
func TestStatementFindingsNameTables(t *testing.T) {
	scan := facts.Node{Type: "Index Only Scan", Relation: "contractors", Index: "contractors_residence_idx", PlanRows: 1, ActualRows: 5000, ActualLoops: 1, HeapFetches: 5000, RemovedByFilter: 100_000}
	plan := &facts.Plan{ExecutionMS: 50, PlanningMS: 60, Root: facts.Node{
		Type: "Sort", SortSpaceType: "Disk", SortSpaceKB: 5000, TotalCost: 100, PlanRows: 1, ActualRows: 5000, ActualLoops: 1, Children: []facts.Node{scan},
	}}
	generic := &facts.Plan{Root: facts.Node{TotalCost: 5000}}
	path := facts.HotPath{Name: "contractor_list", Subject: "heavy", Plan: plan, GenericPlan: generic, ExecutionMS: 50, PlanningMS: 60, PlanHash: "now", FirstRun: &facts.FirstRun{ExecutionMS: 90, ReadBlocks: 5000}}
	then := path
	then.PlanHash, then.ExecutionMS = "then", 1
	o := &facts.Observation{
		Config: facts.Config{Baseline: &facts.Result{HotPaths: []facts.HotPath{then}}}, Hot: []facts.HotPath{path},
		Facts: &facts.DatabaseFacts{Tables: map[string]facts.TableFacts{"contractors": {Estimated: 10, Live: 10, Dead: 1e6, Changed: 1e6, Analyzed: true}}},
	}
	for code, run := range map[string]func(*facts.Observation) Outcome{
		"HD-Q08": deadRows, "HD-Q09": staleStatistics, "HD-Q10": GenericPlan, "HD-Q11": spill, "HD-Q12": misestimate,
		"HD-Q13": discardedRows, "HD-Q14": heapFetched, "HD-Q15": coldReads, "HD-Q16": planningDominates, "HD-Q17": planDrift,
	} {
		o.Expected = nil
		if code == "HD-Q08" || code == "HD-Q09" {
			o.Expected = []store.Index{{Name: "contractors_residence_idx", Table: "contractors"}}
		}
		out := run(o)
		if len(out.Hits) != 1 || !slices.Equal(out.Hits[0].about, []string{"contractors"}) {
			t.Errorf("%s: %+v, want one hit about contractors", code, out)
		}
	}
}

// TestFindingsSayWhatTheyAreAbout: the table of causes decides by it.
func TestFindingsSayWhatTheyAreAbout(t *testing.T) {
	var pod facts.PodFacts
	pod.Metadata.Name = "honeydue-1"
	pod.Status.ContainerStatuses = make([]facts.ContainerStatus, 1)
	pod.Status.ContainerStatuses[0].State.Waiting = &struct {
		Reason string `json:"reason"`
	}{"CrashLoopBackOff"}
	pod.Spec.Containers = append(pod.Spec.Containers, struct {
		Resources struct {
			Limits map[string]string `json:"limits"`
		} `json:"resources"`
	}{})
	pod.Spec.Containers[0].Resources.Limits = map[string]string{"cpu": "1"}
	console := consoleSaid(facts.PoolerStats{}, facts.PoolerStats{})
	console.Ways.Console.HasPool, console.Ways.Console.First.ServersActive = true, 20
	console.Ways.Console.Database = store.ConsoleRow{"pool_size": "20", "max_connections": "10", "current_connections": "10"}
	console.Ways.Console.Before.Linked, console.Ways.Console.After.Linked, console.Pools = 20, 20, &store.Pools{ServersActive: 20}
	turns := int64(1)
	idle := facts.PGSession{PID: 7, State: facts.IdleInTransaction, StateS: 5, XactS: 5, XactAt: 70}
	waits := facts.PGSession{PID: 8, State: "active", XactS: 20, XactAt: 80, WaitsS: 3, Blockers: []int64{7}}
	o := &facts.Observation{
		Cluster: &facts.ClusterFacts{At: time.Now(), Pods: []facts.PodFacts{pod}, Throttle: []facts.Throttled{{Pod: "honeydue-1", Periods: 100, Throttled: 50}}},
		Hot:     []facts.HotPath{{Name: "task_board", Error: "the server refused (42703)", SQLState: "42703"}},
		Target: &facts.Target{
			Reads: []facts.TargetRead{
				{Route: "task_board", Authed: true, Runs: 4, Turns: &turns, OverBudget: 4, Status: 200},
				{Route: "contractor_list", Status: 503},
				{Route: "document_list", Error: "no answer came in time"},
			},
			Metrics: &facts.TargetMetrics{
				Caches: []facts.CacheMetrics{{Cache: "list", Asked: 1000, Hits: 100}},
				Lists:  []facts.ListMetrics{{List: "tasks", Reads: 1000, Outcomes: map[string]int64{"hit": 100, "expired": 700, "evicted": 200}}},
			},
		},
		Expected: []store.Index{{Name: "tasks_idx", Table: "tasks"}}, Schema: &facts.SchemaFacts{},
	}
	locks := looks(facts.Activity{Sessions: []facts.PGSession{idle, waits}})
	for _, c := range []struct {
		code string
		run  func(*facts.Observation) Outcome
		o    *facts.Observation
		want []string
	}{
		{"HD-D04", LockChains, locks, []string{"pid 8 since 80", "pid 7 since 70"}},
		{"HD-D05", IdleTransactions, locks, []string{"pid 7 since 70"}},
		{"HD-D06", longTransactions, locks, []string{"pid 8 since 80"}},
		{"HD-P09", poolerFull, console, []string{serverConnections, databaseConnections}},
		{"HD-Q01", missingIndex, o, []string{"tasks", "tasks_idx"}},
		{"HD-Q06", statementFails, o, []string{"42703"}},
		{"HD-K01", podRestarts, o, []string{"honeydue-1"}},
		{"HD-K02", PodThrottling, o, []string{"honeydue-1"}},
		{"HD-K03", podReadiness, o, []string{"honeydue-1"}},
		{"HD-T05", targetWarmTurns, o, []string{"task_board"}},
		{"HD-T06", targetHitRate, o, []string{"list"}},
		{"HD-T18", targetMisses, o, []string{"expired"}},
		{"HD-T12", targetReadFails, o, []string{"503", noReply}},
	} {
		var got []string
		for _, h := range c.run(c.o).Hits {
			got = append(got, h.about...)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s is about %v, want %v", c.code, got, c.want)
		}
	}
}
