package protocol

import (
	"fmt"
	"strings"
)

// describe says a step in words. after is the state after it.
func (tr Trace) describe(step Step, after *State) string {
	r := &after.reader[step.Who%maxReaders]
	text := stepText[step.Kind]
	return strings.NewReplacer(
		"{W}", tr.writer(step.Who),
		"{R}", fmt.Sprintf("R%d", step.Who+1),
		"{with}", fmt.Sprintf("R%d", step.With+1),
		"{S}", tr.sweeper(step.Who),
		"{data}", tr.data(step.Data),
		"{writes}", tr.writers(step.Data),
		"{token}", nameVersion(r.token),
		"{clock}", nameVersion(after.redis.clock),
	).Replace(text)
}

// String is the step's name without its actors, for tables.
func (k StepKind) String() string {
	return strings.NewReplacer(
		"{W}", "W", "{R}", "R", "{with}", "R'", "{S}", "sweep", "{data}", "x", "{writes}", "writes", "{token}", "v", "{clock}", "v",
	).Replace(stepText[k])
}

var stepText = [stepKinds]string{
	StepHold:            "{W} hold",
	StepHoldSkipped:     "{W} holds nothing",
	StepHoldLost:        "{W} hold never arrives, goes on",
	StepHoldSentLate:    "{W} hold is delayed, goes on",
	StepHoldLate:        "{W} hold, delayed, runs now",
	StepSend:            "{W} sends the statement",
	StepBegin:           "database: the statement of {W} starts",
	StepRefuse:          "database: the statement of {W} meets its tombstone",
	StepDeny:            "database: the statement of {W} is rolled back",
	StepLook:            "database: {W} reads the list in its transaction: {data}",
	StepCommit:          "database: {W} COMMITS",
	StepReply:           "{W} hears of the commit",
	StepReplyRefused:    "{W} hears of the refusal",
	StepGiveUp:          "{W} gives up, outcome unknown",
	StepRelease:         "{W} release",
	StepReleaseLost:     "{W} release never arrives, goes on",
	StepReleaseSentLate: "{W} release is delayed, goes on",
	StepReleaseLate:     "{W} release, delayed, runs now",
	StepAcknowledge:     "{W} ACKNOWLEDGES to its client",
	StepWriterCrash:     "{W} CRASHES",

	StepReadHit:      "{R} read: hit, answers {data}",
	StepReadMiss:     "{R} read: miss under {token}",
	StepReadRemake:   "{R} read: the copy has aged, makes another of it, answers {data}",
	StepReadCreate:   "{R} read: no state, creates {token}",
	StepReadHeld:     "{R} read: held, goes round",
	StepReadUnleased: "{R} read: no lease, goes round",
	StepReadBlind:    "{R} read: states unknown, write clock {clock}",
	StepReadCutOff:   "{R} read never arrives, goes round",
	StepGlance:       "{R} revalidation: the first of two steps",
	StepGlanceHit:    "{R} revalidation: the second step, hit, answers {data}",
	StepGlanceMiss:   "{R} revalidation: the second step, not current",
	StepJoin:         "{R} joins the flight of {with}, answers {data}",
	StepLoad:         "{R} reads the database, answers {data}",
	StepFill:         "{R} fill {data}",
	StepFillRefused:  "{R} fill: refused",
	StepFillLost:     "{R} fill never arrives",

	StepSweepRead:    "{S} reads the log: commits of {writes}",
	StepSweep:        "{S} of {writes}",
	StepSweepSkips:   "{S} skips {writes}, marked",
	StepSweepRefused: "{S}: refused, the cursor has moved",
	StepSweepDies:    "the {S}er dies",
	StepLeaseLapses:  "the lease lapses",
	StepTwoSeconds:   "2 s have passed since the commit of {W}",

	StepResolveAsk:       "resolver asks the database about {W}",
	StepResolveTombstone: "resolver inserts a tombstone for {W}",
	StepResolve:          "resolve {W}",

	StepLaterCommit: "database: a later transaction COMMITS",
	StepEvictState:  "FAULT the state is evicted",
	StepEvictValue:  "FAULT the copy is evicted",
	StepAge:         "the copy ages",
	StepEvictShared: "FAULT cursor, clock and lease are evicted",
	StepLoseHold:    "FAULT the holds are lost, the version stays",
	StepLoseMark:    "the mark of {W} expires, or is evicted",
	StepHoldExpires: "the hold EXPIRES",
	StepPrune:       "the tombstone of {W} is pruned",
	StepFlush:       "FAULT Redis is flushed",
	StepBackup:      "(this memory will come back)",
	StepRollBack:    "FAULT Redis comes back with old memory",
	StepConnect:     "connect: another run_id, every version fresh",
}
