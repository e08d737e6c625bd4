package gitlabcitest

import (
	"net/http"
	"slices"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

func listMergeRequestParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "state", Parse: rack.OneOf("opened", "closed", "locked", "merged", "all"), Initial: "all"},
		rack.Param{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "desc"},
		rack.Param{Name: "source_branch", Parse: rack.Text},
		rack.Param{Name: "target_branch", Parse: rack.Text},
	)
}

func listMergeRequests(c *call, p *project) *answer {
	fits := func(parameter, word string) bool {
		wanted := optional[string](c, parameter)
		return wanted == nil || *wanted == word
	}
	state := value[string](c, "state")
	var found []mergeRequest
	for _, one := range c.state.mergeRequests(p) {
		if (state == "all" || state == one.state()) && fits("source_branch", one.source) && fits("target_branch", p.branch) {
			found = append(found, one)
		}
	}
	if value[string](c, "sort") == "desc" {
		slices.Reverse(found)
	}
	part, header := numberedPage(c, found)
	return &answer{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().mergeRequest)}
}
