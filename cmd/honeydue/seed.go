package main

import "github.com/spf13/cobra"

func newSeedCommand(_ *app) *cobra.Command {
	return notBuilt("seed", "Fill the database with the same rows each time")
}
