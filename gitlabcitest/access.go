package gitlabcitest

import (
	"cmp"
	"fmt"
	"slices"
)

// An access is what someone may do in a project, by GitLab's table of roles
// and the project's settings.
type access struct {
	project *project
	user    *user // nil is nobody
	role    Role  // an administrator has the rights of an owner
}

func (p *project) accessOf(u *user) access {
	switch {
	case u == nil:
		return access{project: p}
	case u.admin:
		return access{p, u, RoleOwner}
	}
	return access{p, u, p.roleOf(u)}
}

// see reports whether the project is visible.
func (a access) see() bool { return a.role > 0 || a.project.settings.Public }

// read is about pipelines and jobs.
func (a access) read() bool {
	return a.role >= RoleReporter || a.see() && !a.project.settings.PrivateBuilds
}

// readCode is about branches, tags, commits, merge requests, environments and deployments.
func (a access) readCode() bool { return a.role >= RoleReporter || a.project.settings.Public }

// run is about creating pipelines and changing jobs.
func (a access) run() bool { return a.role >= RoleDeveloper && !a.project.settings.Archived }

func (a access) cancel() bool {
	return a.run() && a.role >= cmp.Or(a.project.settings.CancelRole, RoleDeveloper)
}

func (a access) forceCancel() bool { return a.role >= RoleMaintainer }

// setVariables is about those of a new pipeline and of a manual job.
func (a access) setVariables() bool {
	return a.role >= cmp.Or(a.project.settings.VariablesRole, RoleDeveloper)
}

func (a access) deleteArtifacts() bool { return a.role >= RoleMaintainer }

// manage is about how the project is set up, such as its hooks.
func (a access) manage() bool { return a.role >= RoleMaintainer && !a.project.settings.Archived }

// own is about how a group is set up.
func (a access) own() bool { return a.role >= RoleOwner }

// runOn is run for a ref, which can be protected.
func (a access) runOn(ref string) bool {
	return a.run() && (a.role >= RoleMaintainer || !a.project.protects(ref))
}

// objection is why those who may create pipelines may not create this one.
func (a access) objection(p *pipeline) fieldErrors {
	switch {
	case len(p.variables) > 0 && !a.setVariables():
		return fieldErrors{"base": {"Insufficient permissions to set pipeline variables"}}
	case !a.runOn(p.ref):
		return fieldErrors{"base": {fmt.Sprintf("You do not have sufficient permission to run a pipeline on '%s'. "+
			"Please select a different branch or contact your administrator for assistance.", p.ref)}}
	}
	return nil
}

func (a access) readPipeline(*pipeline) bool { return a.read() }

func (a access) readVariables(p *pipeline) bool {
	return a.role >= RoleMaintainer || a.changePipeline(p) && p.user == a.user
}

func (a access) changePipeline(p *pipeline) bool { return a.runOn(p.ref) }

func (a access) cancelPipeline(p *pipeline) bool { return a.cancel() && a.runOn(p.ref) }

func (a access) deletePipeline(*pipeline) bool { return a.role >= RoleOwner }

func (a access) changeJob(j *job) bool { return a.runOn(j.pipeline.ref) }

func (a access) cancelJob(j *job) bool { return a.cancel() && a.runOn(j.pipeline.ref) }

func (a access) eraseJob(j *job) bool {
	return a.role >= RoleMaintainer || a.changeJob(j) && j.user == a.user
}

// readLog and readArtifacts are of a job that may be read.
func (a access) readLog(j *job) bool { return !j.debug || a.run() }

func (a access) readArtifacts(j *job) bool { return a.role >= j.artifactRole }

// readSuite reports whether all files of a test suite may be read.
func (a access) readSuite(s *suite) bool {
	return !slices.ContainsFunc(s.jobs, func(j *job) bool { return !a.readArtifacts(j) })
}

// protects reports whether a ref is protected.
func (p *project) protects(ref string) bool {
	r := p.refs[ref]
	return r != nil && r.protected
}

// acceptsTokensOf reports whether a project takes the tokens of another one's jobs.
func (p *project) acceptsTokensOf(source *project) bool {
	return slices.Contains(p.jobTokensFrom, source)
}

// allowsPolicy reports whether those tokens are good for something.
func (p *project) allowsPolicy(policy string) bool {
	policies := p.settings.JobTokenPolicies
	return policies == nil || slices.Contains(policies, policy)
}

// A demand is what a route requires of the user. Nil and "" require nothing.
type demand struct {
	permission string                       // that a fine-grained token needs
	policy     string                       // that the token of another project's job needs
	project    func(access) bool            // before the pipeline or job is looked up
	pipeline   func(access, *pipeline) bool // of the one that was found
	job        func(access, *job) bool      // of the one that was found
	schedule   func(access, *schedule) bool // of the one that was found
}

// demands are those of all routes. If GitLab checks the project first, a user without the
// permission gets the same refusal whether or not the object exists.
var demands = map[string]demand{
	"GET /pipelines":                                               {permission: "read_pipeline"},
	"GET /projects/:id/pipelines":                                  {permission: "read_pipeline", policy: "read_pipelines", project: access.read},
	"POST /projects/:id/pipeline":                                  {permission: "create_pipeline", project: access.run},
	"GET /projects/:id/pipelines/latest":                           {permission: "read_pipeline", project: access.read},
	"GET /projects/:id/pipelines/:pipeline_id":                     {permission: "read_pipeline", policy: "read_pipelines", pipeline: access.readPipeline},
	"DELETE /projects/:id/pipelines/:pipeline_id":                  {permission: "delete_pipeline", pipeline: access.deletePipeline},
	"GET /projects/:id/pipelines/:pipeline_id/jobs":                {permission: "read_pipeline_job", policy: "read_jobs", project: access.read},
	"GET /projects/:id/pipelines/:pipeline_id/bridges":             {permission: "read_pipeline_bridge", policy: "read_pipelines", project: access.read},
	"GET /projects/:id/pipelines/:pipeline_id/trigger_jobs":        {permission: "read_pipeline_bridge", policy: "read_pipelines", project: access.read},
	"GET /projects/:id/pipelines/:pipeline_id/variables":           {permission: "read_pipeline_variable", pipeline: access.readVariables},
	"GET /projects/:id/pipelines/:pipeline_id/test_report":         {permission: "read_pipeline_test_report", pipeline: access.readPipeline},
	"GET /projects/:id/pipelines/:pipeline_id/test_report_summary": {permission: "read_pipeline_test_report_summary", pipeline: access.readPipeline},
	"PUT /projects/:id/pipelines/:pipeline_id/metadata":            {permission: "update_pipeline_metadata", policy: "admin_pipelines", pipeline: access.changePipeline},
	"POST /projects/:id/pipelines/:pipeline_id/retry":              {permission: "retry_pipeline", pipeline: access.changePipeline},
	"POST /projects/:id/pipelines/:pipeline_id/cancel":             {permission: "cancel_pipeline", pipeline: access.cancelPipeline},

	"GET /job":                               {},
	"GET /job/allowed_agents":                {},
	"GET /projects/:id/jobs":                 {permission: "read_job", policy: "read_jobs", project: access.read},
	"GET /projects/:id/jobs/:job_id":         {permission: "read_job", project: access.read},
	"GET /projects/:id/jobs/:job_id/trace":   {permission: "read_job", project: access.read, job: access.readLog},
	"POST /projects/:id/jobs/:job_id/cancel": {permission: "cancel_job", project: access.cancel, job: access.cancelJob},
	"POST /projects/:id/jobs/:job_id/retry":  {permission: "retry_job", job: access.changeJob},
	"POST /projects/:id/jobs/:job_id/erase":  {permission: "erase_job", job: access.eraseJob},
	"POST /projects/:id/jobs/:job_id/play":   {permission: "play_job", project: access.read, job: access.changeJob},

	"GET /projects/:id/jobs/artifacts/:ref_name/download":           {permission: "download_job_artifact", policy: "read_jobs", project: access.read, job: access.readArtifacts},
	"GET /projects/:id/jobs/artifacts/:ref_name/raw/*artifact_path": {permission: "download_job_artifact", policy: "read_jobs", project: access.read, job: access.readArtifacts},
	"GET /projects/:id/jobs/:job_id/artifacts":                      {permission: "download_job_artifact", policy: "read_jobs", project: access.read, job: access.readArtifacts},
	"GET /projects/:id/jobs/:job_id/artifacts/tree":                 {permission: "download_job_artifact", policy: "read_jobs", project: access.read, job: access.readArtifacts},
	"GET /projects/:id/jobs/:job_id/artifacts/*artifact_path":       {permission: "download_job_artifact", policy: "read_jobs", project: access.read, job: access.readArtifacts},
	"POST /projects/:id/jobs/:job_id/artifacts/keep":                {permission: "preserve_job_artifact", project: access.run, job: access.changeJob},
	"DELETE /projects/:id/jobs/:job_id/artifacts":                   {permission: "delete_job_artifact", project: access.deleteArtifacts},
	"DELETE /projects/:id/artifacts":                                {permission: "delete_artifact", project: access.deleteArtifacts},

	"GET /version":                                  {permission: "read_metadata"},
	"GET /metadata":                                 {permission: "read_metadata"},
	"GET /user":                                     {permission: "read_user"},
	"POST /graphql":                                 {},
	"GET /projects":                                 {permission: "read_project"},
	"GET /projects/:id":                             {permission: "read_project"},
	"GET /groups/:id/projects":                      {permission: "read_project"},
	"GET /projects/:id/repository/branches":         {permission: "read_branch", project: access.readCode},
	"GET /projects/:id/repository/tags":             {permission: "read_tag", project: access.readCode},
	"GET /projects/:id/repository/commits":          {permission: "read_commit", project: access.readCode},
	"GET /projects/:id/repository/branches/:branch": {permission: "read_branch", project: access.readCode},
	"GET /projects/:id/repository/tags/:tag_name":   {permission: "read_tag", project: access.readCode},
	"GET /projects/:id/repository/commits/:sha":     {permission: "read_commit", project: access.readCode},
	"GET /projects/:id/merge_requests":              {permission: "read_merge_request", project: access.readCode},

	"GET /projects/:id/environments":                 {permission: "read_environment", project: access.readCode},
	"GET /projects/:id/environments/:environment_id": {permission: "read_environment", project: access.readCode},
	"GET /projects/:id/deployments":                  {permission: "read_deployment", project: access.readCode},
	"GET /projects/:id/deployments/:deployment_id":   {permission: "read_deployment", project: access.readCode},

	"GET /projects/:id/hooks":                                        {permission: "read_webhook", project: access.manage},
	"POST /projects/:id/hooks":                                       {permission: "create_webhook", project: access.manage},
	"GET /projects/:id/hooks/:hook_id":                               {permission: "read_webhook", project: access.manage},
	"PUT /projects/:id/hooks/:hook_id":                               {permission: "update_webhook", project: access.manage},
	"DELETE /projects/:id/hooks/:hook_id":                            {permission: "delete_webhook", project: access.manage},
	"GET /projects/:id/hooks/:hook_id/events":                        {permission: "read_webhook_event", project: access.manage},
	"POST /projects/:id/hooks/:hook_id/events/:hook_event_id/resend": {permission: "resend_webhook_event", project: access.manage},
	"POST /projects/:id/hooks/:hook_id/test/:trigger":                {permission: "test_webhook", project: access.manage},

	"POST /projects/:id/trigger/pipeline":          {},
	"POST /projects/:id/ref/:ref/trigger/pipeline": {},
	"GET /projects/:id/triggers":                   {permission: "read_trigger", project: access.manage},
	"POST /projects/:id/triggers":                  {permission: "create_trigger", project: access.manage},
	"GET /projects/:id/triggers/:trigger_id":       {permission: "read_trigger", project: access.manage},
	"PUT /projects/:id/triggers/:trigger_id":       {permission: "update_trigger", project: access.manage},
	"DELETE /projects/:id/triggers/:trigger_id":    {permission: "delete_trigger", project: access.manage},

	"GET /projects/:id/pipeline_schedules":                                         {permission: "read_pipeline_schedule", project: access.read},
	"POST /projects/:id/pipeline_schedules":                                        {permission: "create_pipeline_schedule", project: access.run},
	"GET /projects/:id/pipeline_schedules/:pipeline_schedule_id":                   {permission: "read_pipeline_schedule"},
	"PUT /projects/:id/pipeline_schedules/:pipeline_schedule_id":                   {permission: "update_pipeline_schedule", schedule: access.updateSchedule},
	"DELETE /projects/:id/pipeline_schedules/:pipeline_schedule_id":                {permission: "delete_pipeline_schedule", schedule: access.adminSchedule},
	"GET /projects/:id/pipeline_schedules/:pipeline_schedule_id/pipelines":         {permission: "read_pipeline_schedule"},
	"POST /projects/:id/pipeline_schedules/:pipeline_schedule_id/take_ownership":   {permission: "own_pipeline_schedule", schedule: access.adminSchedule},
	"POST /projects/:id/pipeline_schedules/:pipeline_schedule_id/play":             {permission: "play_pipeline_schedule", schedule: access.playSchedule},
	"POST /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables":        {permission: "create_pipeline_schedule_variable", schedule: access.setScheduleVariable},
	"GET /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables/:key":    {permission: "read_pipeline_schedule_variable", schedule: access.adminSchedule},
	"PUT /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables/:key":    {permission: "update_pipeline_schedule_variable", schedule: access.setScheduleVariable},
	"DELETE /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables/:key": {permission: "delete_pipeline_schedule_variable", schedule: access.deleteScheduleVariable},

	"GET /projects/:id/variables":         {permission: "read_variable", project: access.manage},
	"POST /projects/:id/variables":        {permission: "create_variable", project: access.manage},
	"GET /projects/:id/variables/:key":    {permission: "read_variable", project: access.manage},
	"PUT /projects/:id/variables/:key":    {permission: "update_variable", project: access.manage},
	"DELETE /projects/:id/variables/:key": {permission: "delete_variable", project: access.manage},
	"GET /groups/:id/variables":           {permission: "read_variable", project: access.own},
	"POST /groups/:id/variables":          {permission: "create_variable", project: access.own},
	"GET /groups/:id/variables/:key":      {permission: "read_variable", project: access.own},
	"PUT /groups/:id/variables/:key":      {permission: "update_variable", project: access.own},
	"DELETE /groups/:id/variables/:key":   {permission: "delete_variable", project: access.own},
	"GET /admin/ci/variables":             {permission: "read_variable"},
	"POST /admin/ci/variables":            {permission: "create_variable"},
	"GET /admin/ci/variables/:key":        {permission: "read_variable"},
	"PUT /admin/ci/variables/:key":        {permission: "update_variable"},
	"DELETE /admin/ci/variables/:key":     {permission: "delete_variable"},

	"GET /projects/:id/ci/lint":  {permission: "read_ci_config", project: access.readCode},
	"POST /projects/:id/ci/lint": {permission: "validate_ci_config", project: access.run},

	"GET /projects/:id/repository/commits/:sha/statuses": {permission: "read_commit_status", project: access.read},
	"POST /projects/:id/statuses/:sha":                   {permission: "create_commit_status", project: access.run},

	"GET /projects/:id/merge_requests/:merge_request_iid":            {permission: "read_merge_request"},
	"GET /projects/:id/merge_requests/:merge_request_iid/pipelines":  {permission: "read_pipeline", project: access.read},
	"POST /projects/:id/merge_requests/:merge_request_iid/pipelines": {permission: "create_pipeline"},
}

// allows reports whether the demand on the project is met.
func (d demand) allows(a access) bool { return d.project == nil || d.project(a) }

func (d demand) allowsPipeline(a access, p *pipeline) bool {
	return d.pipeline == nil || d.pipeline(a, p)
}

func (d demand) allowsJob(a access, j *job) bool { return d.job == nil || d.job(a, j) }
