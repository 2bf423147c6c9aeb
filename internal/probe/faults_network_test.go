package probe_test

import "testing"

// networkFaults are faults of the way to the servers, of TLS, and of the pooler.
func networkFaults() []fault {
	return []fault{
		{
			name: "the app is told the direct endpoint instead of the pooler", code: "HD-P02", evidence: "is Postgres itself", short: true,
			inject: func(_ *testing.T, b *bed) { b.config.URL, b.config.AdminURL = b.env.DirectURL, "" },
		},
	}
}
