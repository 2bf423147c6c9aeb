package main

import (
	"context"
	"strings"

	"github.com/honeydue/honeydue/internal/bench"
)

// gate asks the server about itself. A release is judged only on a server that has proved that it reaches its
// database through a pooler.
func gate(ctx context.Context, h *bench.Hitter, profile string) (bench.Server, error) {
	server, ready, err := h.Ask(ctx)
	switch {
	case err != nil:
		return server, failedf("Start the server, or mend the URL.", "%w", err)
	case !ready:
		return server, failedf("Wait until /readyz answers 200.", "the server is not ready")
	case profile == "release" && len(server.Ablated) > 0:
		return server, failedf("Unset HONEYDUE_ABLATE and restart the server.",
			"the release gate judges no experiment, and this server has decision %s turned back", strings.Join(server.Ablated, ", "))
	}
	return server, throughPooler(server, profile)
}

func throughPooler(server bench.Server, profile string) error {
	switch {
	case profile != "release":
	case server.ThroughPooler == nil:
		return failedf("Test honeydue serve, or use --profile smoke.", "the release gate demands a server that proves the way to its database, and this one's /readyz does not speak of it")
	case !*server.ThroughPooler:
		return failedf("Point DATABASE_URL at the pooler (the host with -pooler) and restart the server; honeydue probe shows which endpoint is in use.",
			"the release gate demands a pooler, and the server says that it reaches its database without one")
	}
	return nil
}

func verdictCode(v bench.Verdict) int {
	switch v {
	case bench.Pass:
		return exitOK
	case bench.Fail:
		return exitFinding
	case bench.Inconclusive:
		return exitInconclusive
	}
	return exitInvalid
}
