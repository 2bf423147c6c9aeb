package check

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Bloat: an estimate from statistics errs by a third easily; half of a table, and 8 MB, which no pause of
// autovacuum explains on a small one, are beyond that.
const (
	bloatShare = 0.5
	bloatBytes = 8 << 20
)

func bloat(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadTables); why != "" {
		return notKnown("%s", why)
	}
	var hits []hit
	judged := 0
	for _, t := range o.Server.Tables {
		if t.Width > 0 {
			judged++
		}
		waste := t.Wasted()
		if waste < bloatBytes || waste < bloatShare*t.Bytes {
			continue
		}
		table := pgx.Identifier{t.Name}.Sanitize()
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("%s takes %s and needs about %s, estimated from its statistics: %.0f%% of its space is empty.",
				t.Name, facts.Megabytes(t.Bytes), facts.Megabytes(t.Bytes-waste), 100*waste/t.Bytes),
		}.mendedBy("SET lock_timeout = '2s';   -- gives up if it cannot get the lock, so that no other session queues behind it\n"+
			"VACUUM (FULL, ANALYZE) "+table+";   -- blocks all reads and writes of the table: run it at a quiet time, or use pg_repack, which does not block"))
	}
	if judged == 0 {
		return notKnown("None of %s was ever analyzed, so their expected size is unknown: run ANALYZE;", facts.Plural(len(o.Server.Tables), "table", "tables"))
	}
	if judged < len(o.Server.Tables) && len(hits) == 0 {
		return passed("None of the %d analyzed tables is half empty (%d were never analyzed).", judged, len(o.Server.Tables)-judged)
	}
	return orPassed(hits, "None of %d tables is half empty, estimated from the planner's statistics.", judged)
}

// Sequences: three quarters leave time for a migration to bigint; at 95% inserts fail soon.
const sequenceWarn, sequenceFail = 0.75, 0.95

func sequences(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadLimits); why != "" {
		return notKnown("%s", why)
	}
	var hits []hit
	var most float64
	for _, s := range o.Server.Limits.Sequences {
		most = max(most, s.Used())
		if s.Used() < sequenceWarn {
			continue
		}
		h := hit{
			Evidence: fmt.Sprintf("%s has used %.1f%% of its column's range; when it is used up, every insert fails.", s.Name, 100*s.Used()),
			Remedy:   ownerOf(s.Name),
		}
		if s.Used() >= sequenceFail {
			h.severity = facts.Critical
		}
		hits = append(hits, h)
	}
	if n := o.Server.Limits.HiddenSequences; n > 0 && len(hits) == 0 {
		return notKnown("This role cannot see how far %s advanced: GRANT SELECT ON ALL SEQUENCES IN SCHEMA … TO it, or GRANT pg_read_all_data.", facts.Plural(n, "sequence has", "sequences have"))
	}
	return orPassed(hits, "The fullest of %d sequences is at %.1f%%.", len(o.Server.Limits.Sequences), 100*most)
}

// ownerOf shows the column that a sequence feeds. No statement is printed to widen it: that rewrites the table under a
// lock, so that on a large one a new column has to take over.
func ownerOf(sequence string) string {
	return fmt.Sprintf(`psql "$DATABASE_DIRECT_URL" -v s='%s' <<'SQL'
SELECT d.refobjid::regclass AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.objid = to_regclass(:'s');   -- an integer: ALTER TABLE … ALTER COLUMN … TYPE bigint, or by way of a new column if the table is large
SQL`, pgx.Identifier{sequence}.Sanitize())
}

// Transaction ids: half of the two billion is five times what autovacuum allows by default
// (autovacuum_freeze_max_age, 200 million); vacuum_failsafe_age, from which vacuum drops everything else, is
// 1.6 billion.
const xidWarn, xidFail = 1.0e9, 1.6e9

func transactionIDs(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadLimits); why != "" {
		return notKnown("%s", why)
	}
	age, what := o.Server.Limits.XIDAge, "transaction id"
	if m := o.Server.Limits.MXIDAge; m > age {
		age, what = m, "multixact id"
	}
	if age < xidWarn {
		return passed("The oldest %s is %.0f million transactions old; the limit is 2,100 million.", what, age/1e6)
	}
	h := hit{
		Evidence: fmt.Sprintf("The oldest %s is %.0f million transactions old. At 2,100 million, the server refuses every write.", what, age/1e6),
		Remedy:   `psql "$DATABASE_DIRECT_URL" -c 'SELECT datname, age(datfrozenxid) FROM pg_database ORDER BY 2 DESC'   # then VACUUM (FREEZE) in the first, and end sessions that are idle in transaction`,
	}
	if age >= xidFail {
		h.severity = facts.Critical
	}
	return found(h)
}

// Replication: 10 s behind is beyond what a burst explains. Nothing of the app reads a replica, so no
// request pays for it; a slot that keeps a gigabyte fills the disk in the end.
const (
	lagWarnS      = 10.0
	slotKeptBytes = 1 << 30
)

func replicationLag(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadReplication); why != "" {
		return notKnown("%s", why)
	}
	r := o.Server.Replication
	var hits []hit
	if r.BehindS != nil && *r.BehindS >= lagWarnS {
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("This server is a standby and %s behind.", facts.Seconds(*r.BehindS)),
			Remedy:   `psql "$DATABASE_DIRECT_URL" -c 'SELECT pg_is_wal_replay_paused(), pg_last_xact_replay_timestamp()'   # is replay paused, or blocked by a query on this server?`,
		})
	}
	hidden := 0
	for _, f := range r.Followers {
		switch {
		case f.State == facts.HiddenState:
			hidden++
		case f.LagS != nil && *f.LagS >= lagWarnS:
			bytes := 0.0
			if f.BehindBytes != nil {
				bytes = *f.BehindBytes
			}
			hits = append(hits, hit{Evidence: fmt.Sprintf("A standby%s in state %s is %s and %s behind.", facts.OfApp(f.App), f.State, facts.Seconds(*f.LagS), facts.Megabytes(bytes))})
		}
	}
	for _, s := range r.Slots {
		if !s.Active && s.KeptBytes != nil && *s.KeptBytes >= slotKeptBytes {
			hits = append(hits, hit{
				Evidence: fmt.Sprintf("An unused replication slot retains %s of WAL.", facts.Megabytes(*s.KeptBytes)),
				Remedy:   `psql "$DATABASE_DIRECT_URL" -c 'SELECT slot_name, active, restart_lsn FROM pg_replication_slots'   # then pg_drop_replication_slot(…) if no standby needs it`,
			})
		}
	}
	switch {
	case len(hits) > 0:
		return found(hits...)
	case hidden > 0:
		return notKnown("This role cannot see %s: GRANT pg_monitor TO it.", facts.Plural(hidden, "standby", "standbys"))
	case r.Replica:
		return passed("This server is a standby and has caught up.")
	case len(r.Followers) == 0:
		return passed("There is no standby.")
	}
	return passed("%s, none %.0f s or more behind.", facts.Plural(len(r.Followers), "standby", "standbys"), lagWarnS)
}
