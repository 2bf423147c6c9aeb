package check

import (
	"fmt"
	"math"
	"slices"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// A statement that is run again a moment later finds its blocks in memory, unless that is too small for it: no block at
// all is usual. A tenth of them, and half a megabyte, are no accident of what others read at the same time.
const (
	againShare  = 0.1
	againFewest = 64
)

// leastBuffersKB is Postgres's own default for shared_buffers; mostBuffersKB is what is advised at most, since the probe
// does not know how much memory the server has.
const (
	leastBuffersKB = 128 << 10
	mostBuffersKB  = 8 << 20
)

// smallBuffers judges what the hot statements had to read in every run, and compares the size of what they read with the
// memory for it.
func smallBuffers(o *facts.Observation) Outcome {
	if o.Server != nil && o.Server.Extensions.Neon() {
		return passed("On Neon, the compute's local file cache backs shared_buffers (HD-D11).")
	}
	var all facts.Blocks
	var worst facts.HotPath
	var about []string
	again, most := 0, 0.0
	for _, h := range o.Hot {
		b := h.LaterRuns
		if b == nil {
			continue
		}
		again++
		all.Hit, all.Read, most = all.Hit+b.Hit, all.Read+b.Read, max(most, b.Hit+b.Read)
		if b.Read == 0 {
			continue
		}
		if worst.LaterRuns == nil || b.Read > worst.LaterRuns.Read {
			worst = h
		}
		for _, table := range h.Plan.Relations() {
			if !slices.Contains(about, table) {
				about = append(about, table)
			}
		}
	}
	if again == 0 {
		return notKnown("No hot statement was run twice under ANALYZE.")
	}
	share := all.Read / max(1, all.Hit+all.Read)
	if all.Read < againFewest || share < againShare {
		return passed("When the hot statements ran again, %.0f%% of their blocks were still in memory.", 100*(1-share))
	}
	buffers, set := o.Facts.SharedBuffersKB, max(hotKB(o), most*blockKB)
	if buffers == 0 {
		return notKnown("The size of shared_buffers is not known.")
	}
	if set <= buffers {
		return passed("Hot statements read %.0f blocks again on each run. Their data takes %s and would fit into shared_buffers (%s), so other statements evict it.", all.Read, kilobytes(set), kilobytes(buffers))
	}
	return found(hit{
		Evidence: fmt.Sprintf("When run again immediately, the hot statements read %.0f of %.0f blocks from outside shared_buffers, %s alone %.0f. Their tables and indexes take %s, and shared_buffers is %s.",
			all.Read, all.Hit+all.Read, worst.Who(), worst.LaterRuns.Read, kilobytes(set), kilobytes(buffers)),
		Remedy: moreBuffers(set), about: about,
	})
}

// hotKB is the size of the tables that the hot statements read, and of all their indexes: the most that has to be in
// memory for them.
func hotKB(o *facts.Observation) float64 {
	tables := map[string]bool{}
	for _, h := range o.Hot {
		for _, table := range h.Plan.Relations() {
			tables[table] = true
		}
	}
	kb := 0.0
	for name, t := range o.Facts.Tables {
		if tables[name] {
			kb += t.KB
		}
	}
	for _, d := range o.Facts.Indexes {
		if tables[d.Table] {
			kb += d.KB
		}
	}
	return kb
}

// moreBuffers is the next power of two above what is needed.
func moreBuffers(kb float64) string {
	need := float64(leastBuffersKB)
	for need < kb && need < mostBuffersKB {
		need *= 2
	}
	return fmt.Sprintf(`psql "$DATABASE_DIRECT_URL" -c "ALTER SYSTEM SET shared_buffers = '%.0fMB'"   # as a superuser, then restart Postgres; use at most a quarter of the memory, or a larger machine. Managed Postgres: change it in the provider's settings`, need/1024)
}

func kilobytes(kb float64) string {
	if kb < 1024 {
		return fmt.Sprintf("%.0f kB", math.Round(kb))
	}
	return facts.Megabytes(kb * 1024)
}
