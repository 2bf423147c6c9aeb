package facts

import (
	"fmt"
)

// Aside says what waits for replicas and the like on top of the limit; nothing if that is less than a megabyte.
func (f *RedisFacts) Aside() string {
	if n := f.Count(NotCounted); n >= 1<<20 {
		return fmt.Sprintf(" In addition, %s are buffered for replicas or the append-only file, which maxmemory does not limit.", Megabytes(float64(n)))
	}
	return ""
}
