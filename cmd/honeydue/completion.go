package main

import (
	"github.com/spf13/cobra"
)

func newCompletionCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion",
		Short: "Print a shell's completion script",
		Long: `completion prints a script that teaches a shell to complete honeydue's commands and flags. Load it once to
try it, or put it where the shell looks for completions to keep it.`,
		Example: `  source <(honeydue completion bash)
  honeydue completion zsh > "${fpath[1]}/_honeydue"
  honeydue completion fish > ~/.config/fish/completions/honeydue.fish
  honeydue completion powershell | Out-String | Invoke-Expression`,
	}
	group(cmd)
	shells := []struct {
		name  string
		write func(root *cobra.Command) error
	}{
		{"bash", func(root *cobra.Command) error { return root.GenBashCompletionV2(a.stdout, true) }},
		{"zsh", func(root *cobra.Command) error { return root.GenZshCompletion(a.stdout) }},
		{"fish", func(root *cobra.Command) error { return root.GenFishCompletion(a.stdout, true) }},
		{"powershell", func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(a.stdout) }},
	}
	for _, shell := range shells {
		cmd.AddCommand(&cobra.Command{
			Use:   shell.name,
			Short: "Print the completion script for " + shell.name,
			Args:  noArgs,
			RunE:  func(cmd *cobra.Command, _ []string) error { return shell.write(cmd.Root()) },
		})
	}
	return cmd
}
