package cli

import (
	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
)

func newCompletionCommand(a *app.App) *cobra.Command {
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
	app.Group(cmd)
	shells := []struct {
		name  string
		load  string
		write func(root *cobra.Command) error
	}{
		{"bash", "source <(honeydue completion bash)", func(root *cobra.Command) error { return root.GenBashCompletionV2(a.Stdout, true) }},
		{"zsh", `honeydue completion zsh > "${fpath[1]}/_honeydue"`, func(root *cobra.Command) error { return root.GenZshCompletion(a.Stdout) }},
		{"fish", "honeydue completion fish > ~/.config/fish/completions/honeydue.fish", func(root *cobra.Command) error { return root.GenFishCompletion(a.Stdout, true) }},
		{"powershell", "honeydue completion powershell | Out-String | Invoke-Expression", func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(a.Stdout) }},
	}
	for _, shell := range shells {
		cmd.AddCommand(&cobra.Command{
			Use:   shell.name,
			Short: "Print the completion script for " + shell.name,
			Long: shell.name + " prints the script that teaches " + shell.name + ` honeydue's commands and flags, with their descriptions.
It is made of this very binary's commands: print it anew after an update.`,
			Example: "  " + shell.load,
			Args:    app.NoArgs,
			RunE:    func(cmd *cobra.Command, _ []string) error { return shell.write(cmd.Root()) },
		})
	}
	return cmd
}
