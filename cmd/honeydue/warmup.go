package main

import "github.com/spf13/cobra"

func newWarmupCommand(_ *app) *cobra.Command {
	return notBuilt("warmup", "Wake database, pool and caches before a user meets them cold")
}
