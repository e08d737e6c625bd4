package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

// marker begins the gate's comment. GitLab does not show it.
const marker = "<!-- mrgate -->\n"

type note struct {
	ID     int64         `json:"id"`
	Body   string        `json:"body"`
	Author gitlabci.User `json:"author"`
}

// comment rewrites the gate's comment. If there is none, it writes one only if wanted is set.
func (g *gate) comment(ctx context.Context, text string, wanted bool) error {
	me, err := gitlabci.Fetch[gitlabci.User](ctx, g.client, gitlabci.At("/user"), nil)
	if err != nil {
		return err
	}
	notes := gitlabci.At("/projects/:id/merge_requests/:iid/notes", g.project, g.iid)
	body := map[string]string{"body": marker + text}
	for n, err := range gitlabci.FetchAll[note](ctx, g.client, notes, nil) {
		switch {
		case err != nil:
			return err
		case n.Author.ID != me.ID || !strings.HasPrefix(n.Body, marker):
			continue
		case n.Body == body["body"]:
			return nil
		}
		mine := gitlabci.At("/projects/:id/merge_requests/:iid/notes/:note_id", g.project, g.iid, n.ID)
		_, err = gitlabci.Send[note](ctx, g.client, http.MethodPut, mine, body, &gitlabci.SendOptions{Repeatable: true})
		return err
	}
	if wanted {
		_, err = gitlabci.Send[note](ctx, g.client, http.MethodPost, notes, body, nil)
	}
	return err
}

// text returns the comment in Markdown. Texts of jobs are in code blocks, or GitLab would
// execute /merge, and notify @all.
func (g *gate) text(p *gitlabci.Pipeline, failures []*gitlabci.JobFailure, held *gitlabci.BlockedError) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Pipeline %d of %.8s: %s.\n", p.ID, code(p.SHA), code(string(p.Status)))
	if held != nil {
		text.WriteString("\nSomeone has to play a job:\n")
		for _, job := range held.Jobs {
			fmt.Fprintf(&text, "\n- `%s`", code(job.Name))
		}
	}
	if p.YAMLErrors != "" {
		fmt.Fprintf(&text, "\n`%s`\n", code(p.YAMLErrors))
	}
	for _, f := range failures {
		fmt.Fprintf(&text, "\n`%s`: %s", code(f.Job.Name), code(string(f.Reason)))
		if n := g.retried[f.Job.Name]; n > 0 {
			fmt.Fprintf(&text, ", retries: %d", n)
		}
		text.WriteString("\n")
		if lines := f.Lines[:min(g.lines, len(f.Lines))]; len(lines) > 0 {
			text.WriteString("\n```text\n")
			for _, line := range lines {
				text.WriteString(code(line) + "\n")
			}
			text.WriteString("```\n")
		}
	}
	return text.String()
}

// code returns a text that cannot end the code block or span that it is in.
func code(text string) string { return strings.ReplaceAll(console.Printable(text), "`", "'") }
