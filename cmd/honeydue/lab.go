package main

import "github.com/spf13/cobra"

func newLabCommand(_ *app) *cobra.Command {
	return notBuilt("lab", "Run a local replica of production")
}
