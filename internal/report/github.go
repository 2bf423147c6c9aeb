package report

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The escapes of workflow commands: in a message the percent sign and line breaks, in a property also what ends it.
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
var (
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// githubMost is how many annotations of one level a step of GitHub Actions shows.
// https://docs.github.com/en/actions/reference/limits
const githubMost = 10

// writeGitHub prints an annotation for each of the document's cases. Where passes or skips alone would use up what
// GitHub shows, they are told in one: a remark is a notice, too.
func writeGitHub(w io.Writer, d Document) error {
	if len(d.Cases) == 0 {
		return errors.New("this report has no cases, so there is nothing to annotate")
	}
	count := map[Status]int{}
	for _, c := range d.Cases {
		count[c.Status]++
	}
	told := map[Status][]string{}
	for _, c := range d.Cases {
		var level string
		switch c.Status {
		case Passed, Remarked:
			level = "notice"
		case Failed, Errored:
			level = "error"
		case Skipped:
			level = "warning"
		default:
			return fmt.Errorf("case %q has the unknown status %q", c.Name, c.Status)
		}
		title := fmt.Sprintf("%s %s: %s", c.Suite, c.Name, c.Status)
		message := c.Message
		if message == "" {
			message = string(c.Status)
		}
		if (c.Status == Passed || c.Status == Skipped) && count[c.Status] >= githubMost {
			told[c.Status] = append(told[c.Status], c.Name)
			if len(told[c.Status]) < count[c.Status] {
				continue
			}
			title = fmt.Sprintf("%d cases: %s", count[c.Status], c.Status)
			message = strings.Join(told[c.Status], "\n")
		}
		if _, err := fmt.Fprintf(w, "::%s title=%s::%s\n", level, githubProperty.Replace(title), githubMessage.Replace(message)); err != nil {
			return err
		}
	}
	return nil
}
