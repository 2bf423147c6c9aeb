package loadtestcmd

import (
	"context"
	"strings"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// gate asks the server about itself. A release is judged only on a server that has proved that it reaches its
// database through a pooler.
func gate(ctx context.Context, h *bench.Hitter, profile string) (bench.Server, error) {
	server, ready, err := h.Ask(ctx)
	switch {
	case err != nil:
		return server, exit.Failedf("Start the server, or fix the URL.", "%w", err)
	case !ready:
		return server, exit.Failedf("Wait until /readyz answers 200.", "the server is not ready")
	case profile == "release" && len(server.Ablated) > 0:
		return server, exit.Failedf("Unset HONEYDUE_ABLATE and restart the server.",
			"the release gate judges no experiment, and this server has decision %s turned back", strings.Join(server.Ablated, ", "))
	}
	return server, throughPooler(server, profile)
}

func throughPooler(server bench.Server, profile string) error {
	switch {
	case profile != "release":
	case server.ThroughPooler == nil:
		return exit.Failedf("Test honeydue serve, or use --profile smoke.", "the release gate demands a server that proves the way to its database, and this one's /readyz does not speak of it")
	case !*server.ThroughPooler:
		return exit.Failedf("Point DATABASE_URL at the pooler (the host with -pooler) and restart the server; honeydue probe shows which endpoint is in use.",
			"the release gate demands a pooler, and the server says that it reaches its database without one")
	}
	return nil
}

func verdictCode(v bench.Verdict) int {
	switch v {
	case bench.Pass:
		return exit.OK
	case bench.Fail:
		return exit.Finding
	case bench.Inconclusive:
		return exit.Inconclusive
	}
	return exit.Invalid
}
