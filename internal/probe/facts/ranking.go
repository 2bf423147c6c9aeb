package facts

// Symptoms lists the findings that a finding explains, in their order.
func (r Result) Symptoms(of Finding) []Finding {
	var out []Finding
	for _, f := range r.Findings {
		if f.Because != "" && f.Because == of.Code && f.Root == of.Root {
			out = append(out, f)
		}
	}
	return out
}
