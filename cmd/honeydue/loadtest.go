package main

import "github.com/spf13/cobra"

func newLoadtestCommand(_ *app) *cobra.Command {
	return notBuilt("loadtest", "Say PASS or FAIL on the p99 targets")
}
