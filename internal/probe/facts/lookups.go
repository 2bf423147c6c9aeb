package facts

// Lookups are the times that finding an endpoint's host took, one for each connection that was opened to it, in ms.
type Lookups map[string][]float64

// Add notes the DNS look-up among the phases of connecting to an endpoint, if there was one.
func (l Lookups) Add(endpoint string, phases []Phase) {
	for _, p := range phases {
		if p.Name == "dns" {
			l[endpoint] = append(l[endpoint], p.MS)
		}
	}
}
