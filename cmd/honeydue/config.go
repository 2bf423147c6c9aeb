package main

import "github.com/spf13/cobra"

func newConfigCommand(_ *app) *cobra.Command {
	return notBuilt("config", "Print what is in force, where it came from, and how it differs from the tuned values")
}
