package report

import (
	"bytes"
	"strings"
	"testing"
)

// A link leads over http and https only, in the forms that have links, and its address can't end what it stands in.
func TestLinks(t *testing.T) {
	table := Table{Columns: []string{"trace"}}
	links := []string{
		"https://jaeger.example/trace/1?a=1&b=2", `https://jaeger.example/"><script>alert(1)</script>`, "https://jaeger.example/a|b>c)",
		"javascript:alert(1)", "data:text/html,x", "/trace/1", "HTTPS://jaeger.example/2", "https://",
	}
	for _, link := range links {
		table.Rows = append(table.Rows, []Cell{Text("seen").WithLink(link)})
	}
	write := func(f Format) string {
		var b bytes.Buffer
		if err := Write(&b, f, Document{Title: "t", Blocks: []Block{table}}, Options{}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	html, markdown, plain := write(FormatHTML), write(FormatMarkdown), write(FormatTable)
	if got := strings.Count(html, "<a href="); got != 4 || strings.Contains(html, "<script") || strings.Contains(html, "javascript:") || strings.Contains(html, "data:text") {
		t.Errorf("HTML has %d links:\n%s", got, html)
	}
	if !strings.Contains(html, `<a href="https://jaeger.example/trace/1?a=1&amp;b=2" rel="noreferrer">seen</a>`) {
		t.Errorf("HTML:\n%s", html)
	}
	for _, want := range []string{"| [seen](<https://jaeger.example/trace/1?a=1&b=2>) |", "| [seen](<https://jaeger.example/a%7Cb%3Ec%29>) |", "| seen |"} {
		if !strings.Contains(markdown, want) {
			t.Errorf("Markdown has no %s:\n%s", want, markdown)
		}
	}
	if got := strings.Count(markdown, "](<"); got != 4 || strings.Contains(markdown, "javascript:") {
		t.Errorf("Markdown has %d links:\n%s", got, markdown)
	}
	if strings.Contains(plain, "jaeger") {
		t.Errorf("a table has no links:\n%s", plain)
	}
}
