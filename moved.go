package gitlabci

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"example.com/gitlabci/internal/secret"
)

// explainMove adds the new path of a moved project to the error of a write, which
// GitLab refuses instead of redirecting. It makes one more read; if that fails, the
// error stays as it is.
func (c *Client) explainMove(ctx context.Context, cl *call, secrets []secret.Value, err error) error {
	e, answered := errors.AsType[*APIError](err)
	if !answered || cl.isRead() || e.storage != "" || e.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(e.Message, "moved projects") {
		return err
	}
	_, rest, _ := strings.Cut(cl.path.escaped, "/projects/")
	name, _, _ := strings.Cut(rest, "/")
	if !strings.Contains(strings.ToUpper(name), "%2F") { // an ID stays valid after a move
		return err
	}
	project := reading(path{escaped: "/projects/" + name, template: "/projects/:id"}, nil)
	project.tries = 1
	now, readErr := send[*ProjectIdentity](ctx, c, project)
	if readErr == nil && now.PathWithNamespace != "" {
		e.Message += ": the project is now " + shorten(secret.Scrub(secret.OneLine(now.PathWithNamespace), secrets), maxTitle)
	}
	return err
}
