package interop_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// clientGoServices are the services of client-go whose endpoints the fake has, with the
// methods whose endpoints it does not have.
var clientGoServices = map[reflect.Type]string{
	reflect.TypeFor[gitlab.PipelinesServiceInterface]():         "",
	reflect.TypeFor[gitlab.JobsServiceInterface]():              "",
	reflect.TypeFor[gitlab.PipelineTriggersServiceInterface]():  "",
	reflect.TypeFor[gitlab.PipelineSchedulesServiceInterface](): "",
	reflect.TypeFor[gitlab.ProjectVariablesServiceInterface]():  "",
	reflect.TypeFor[gitlab.GroupVariablesServiceInterface]():    "",
	reflect.TypeFor[gitlab.InstanceVariablesServiceInterface](): "",
	reflect.TypeFor[gitlab.ValidateServiceInterface]():          "",
	reflect.TypeFor[gitlab.GraphQLInterface]():                  "",
	reflect.TypeFor[gitlab.BranchesServiceInterface]():          "CreateBranch DeleteBranch DeleteMergedBranches",
	reflect.TypeFor[gitlab.TagsServiceInterface]():              "CreateTag DeleteTag GetTagSignature",
	reflect.TypeFor[gitlab.CommitsServiceInterface](): `CherryPickCommit CreateCommit GetCommitComments GetCommitDiff GetCommitRefs
		GetGPGSignature ListMergeRequestsByCommit PostCommitComment RevertCommit`,
	reflect.TypeFor[gitlab.EnvironmentsServiceInterface](): "CreateEnvironment DeleteEnvironment EditEnvironment StopEnvironment",
	reflect.TypeFor[gitlab.DeploymentsServiceInterface]():  "ApproveOrRejectProjectDeployment CreateProjectDeployment DeleteProjectDeployment UpdateProjectDeployment",
	reflect.TypeFor[gitlab.MergeRequestsServiceInterface](): `AcceptMergeRequest AddSpentTime CancelMergeWhenPipelineSucceeds CreateMergeRequest
		CreateMergeRequestDependency CreateTodo DeleteMergeRequest DeleteMergeRequestDependency GetIssuesClosedOnMerge
		GetMergeRequestApprovals GetMergeRequestChanges GetMergeRequestCommits GetMergeRequestDependencies
		GetMergeRequestDiffVersions GetMergeRequestParticipants GetMergeRequestReviewers GetSingleMergeRequestDiffVersion
		GetTimeSpent ListGroupMergeRequests ListMergeRequestDiffs ListMergeRequests ListRelatedIssues RebaseMergeRequest
		ResetSpentTime ResetTimeEstimate SetTimeEstimate ShowMergeRequestRawDiffs SubscribeToMergeRequest
		UnsubscribeFromMergeRequest UpdateMergeRequest`,
	reflect.TypeFor[gitlab.ProjectsServiceInterface](): `AddProjectPushRule ArchiveProject ChangeApprovalConfiguration
		ConfigureProjectPullMirror CreateProject CreateProjectApprovalRule CreateProjectForUser CreateProjectForkRelation
		CreateProjectServiceAccount CreateProjectServiceAccountPersonalAccessToken CreateTargetBranchRule DeleteProject
		DeleteProjectApprovalRule DeleteProjectCustomHeader DeleteProjectForkRelation DeleteProjectPushRule
		DeleteProjectServiceAccount DeleteProjectWebhookURLVariable DeleteSharedProjectFromGroup DeleteTargetBranchRule
		DownloadAvatar EditProject EditProjectPushRule ForkProject GetApprovalConfiguration GetProjectApprovalRule
		GetProjectApprovalRules GetProjectLanguages GetProjectPullMirrorDetails GetProjectPushRules GetRepositoryStorage
		ListProjectForks ListProjectServiceAccountPersonalAccessTokens ListProjectServiceAccounts ListProjectStarrers
		ListProjectTargetBranchRules ListProjectsGroups ListProjectsInvitedGroups ListProjectsUsers
		ListUserContributedProjects ListUserProjects ListUserStarredProjects RestoreProject
		RevokeProjectServiceAccountPersonalAccessToken RotateProjectServiceAccountPersonalAccessToken
		SetProjectCustomHeader SetProjectWebhookURLVariable ShareProjectWithGroup StarProject StartHousekeepingProject
		StartMirroringProject TransferProject UnarchiveProject UnstarProject UpdateProjectApprovalRule
		UpdateProjectServiceAccount UploadAvatar`,
}

// Every method of these services is called by a test, or named above; so are those that a
// newer release of client-go adds. A method counts as called if a test calls one of that
// name, of whichever service.
func TestClientGoMethodsAreAllCalled(t *testing.T) {
	files, err := filepath.Glob("clientgo_*_test.go")
	require.NoError(t, err)
	var code strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		code.Write(text)
	}
	for service, others := range clientGoServices {
		require.Positive(t, service.NumMethod())
		out := map[string]bool{}
		for name := range strings.FieldsSeq(others) {
			out[name] = true
		}
		for method := range service.Methods() {
			called := strings.Contains(code.String(), "."+method.Name+"(")
			require.NotEqual(t, called, out[method.Name], "%v.%s: called: %v, named above: %v", service, method.Name, called, out[method.Name])
			delete(out, method.Name)
		}
		require.Empty(t, out, "%v has no such methods", service)
	}
}
