package gitlabcitest

import (
	"slices"
	"strings"

	"example.com/gitlabci/gitlabcitest/internal/shape"
)

func (r *renderer) environmentBasic(e *environment) shape.EnvironmentBasic {
	return shape.EnvironmentBasic{
		ID: e.id, Name: e.name, Slug: strings.ToLower(strings.ReplaceAll(e.name, "/", "-")), ExternalURL: shape.OrNull(e.url),
		CreatedAt: shape.Timestamp(e.created), UpdatedAt: shape.Timestamp(e.updated),
	}
}

func (r *renderer) environment(e *environment, owner shape.ProjectBasic) shape.Environment {
	return shape.Environment{
		EnvironmentBasic: r.environmentBasic(e), Tier: e.tier, Project: owner, State: e.state,
		AutoStopAt: shape.Timestamp(e.autoEnd), AutoStopSetting: "always",
	}
}

// environmentWhole is an environment that was requested by itself, with the newest of its
// successful deployments.
func (r *renderer) environmentWhole(e *environment, deployments []*deployment) shape.EnvironmentWhole {
	rendered := shape.EnvironmentWhole{
		EnvironmentBasic: r.environmentBasic(e), Tier: e.tier, State: e.state, AutoStopAt: shape.Timestamp(e.autoEnd), AutoStopSetting: "always",
	}
	for _, d := range slices.Backward(deployments) {
		if d.environment == e && d.status == "success" {
			rendered.LastDeployment = new(r.lastDeployment(d))
			break
		}
	}
	return rendered
}

func (r *renderer) lastDeployment(d *deployment) shape.LastDeployment {
	rendered := shape.LastDeployment{
		ID: d.id, IID: d.iid, Ref: d.ref, SHA: d.sha, CreatedAt: shape.Timestamp(d.created), UpdatedAt: shape.Timestamp(d.updated),
		User: r.userBasic(d.user), Status: d.status,
	}
	if d.job != nil {
		rendered.Deployable = r.job(d.job)
	}
	return rendered
}

func (r *renderer) deployment(d *deployment) shape.Deployment {
	return shape.Deployment{LastDeployment: r.lastDeployment(d), Environment: r.environmentBasic(d.environment)}
}
