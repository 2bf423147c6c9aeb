package probe

import "slices"

// chosen reports whether the check is to be made: asked for by its code, or not left out.
func (c check) chosen(o *observation, only, skip []string) bool {
	asked := slices.Contains(only, c.code)
	if len(only) > 0 && !asked || slices.Contains(skip, c.code) {
		return false
	}
	return asked || c.applies(o)
}
