package main

import "github.com/spf13/cobra"

func newMigrateCommand(_ *app) *cobra.Command {
	return notBuilt("migrate", "Bring the database's schema up, down, or tell where it stands")
}
