package main

import "github.com/spf13/cobra"

func newProbeCommand(_ *app) *cobra.Command {
	return notBuilt("probe", "Say what is slow, why, what it costs and what mends it")
}
