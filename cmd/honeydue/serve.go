package main

import "github.com/spf13/cobra"

func newServeCommand(_ *app) *cobra.Command {
	return notBuilt("serve", "Serve the household API")
}
