package gitlabcitest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest"
)

func TestMisuseOfAccess(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddUser(gitlabcitest.User{Username: "ines"})
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "zoe"})
	token := srv.AddToken(gitlabcitest.Token{})
	for sentence, mistake := range map[string]func(){
		`gitlabcitest: AddUser: the user has no Username`:                            func() { srv.AddUser(gitlabcitest.User{}) },
		`gitlabcitest: AddUser: the user "maya" exists already`:                      func() { srv.AddUser(gitlabcitest.User{Username: "maya"}) },
		`gitlabcitest: AddUser: the user "zoe" exists already`:                       func() { srv.AddUser(gitlabcitest.User{Username: "zoe"}) },
		`gitlabcitest: AddMember: the user has no name`:                              func() { srv.AddMember("1", "", gitlabcitest.RoleGuest) },
		`gitlabcitest: AddMember: there is no role 7`:                                func() { srv.AddMember("1", "ines", 7) },
		`gitlabcitest: AddMember: there is no role 100`:                              func() { srv.AddMember("1", "ines", gitlabcitest.RoleNoOne) },
		`gitlabcitest: AddToken: the Value is taken`:                                 func() { srv.AddToken(gitlabcitest.Token{Value: token}) },
		`gitlabcitest: RevokeToken: there is no such token`:                          func() { srv.RevokeToken("x") },
		`gitlabcitest: MoveProject: "app" is not a path such as "group/app"`:         func() { srv.MoveProject("1", "app") },
		`gitlabcitest: MoveProject: the project "group/app" exists already`:          func() { srv.MoveProject("1", "group/app") },
		`gitlabcitest: MoveProject: there is no project "9"; add it with AddProject`: func() { srv.MoveProject("9", "group/x") },
		`gitlabcitest: AddMember: "maya" owns every project; add another user`: func() {
			srv.AddMember("1", "maya", gitlabcitest.RoleGuest)
		},
		`gitlabcitest: AddMember: there is no project "9"; add it with AddProject`: func() {
			srv.AddMember("9", "ines", gitlabcitest.RoleGuest)
		},
		`gitlabcitest: AddToken: there is no user "gus"; add them with AddUser or AddMember`: func() {
			srv.AddToken(gitlabcitest.Token{Username: "gus"})
		},
		`gitlabcitest: AddToken: a token with Permissions has no Scopes and is not of OAuth`: func() {
			srv.AddToken(gitlabcitest.Token{Permissions: []string{}, OAuth: true})
		},
		`gitlabcitest: Configure: there is no project "9"; add it with AddProject`: func() {
			srv.Configure("9", gitlabcitest.Settings{})
		},
		`gitlabcitest: Configure: there is no project "group/x"; add it with AddProject`: func() {
			srv.Configure("1", gitlabcitest.Settings{JobTokensFrom: []string{"group/x"}})
		},
		`gitlabcitest: Configure: there is no policy "read_job"`: func() {
			srv.Configure("1", gitlabcitest.Settings{JobTokenPolicies: []string{"read_job"}})
		},
		`gitlabcitest: Configure: VariablesRole and CancelRole are roles or RoleNoOne`: func() {
			srv.Configure("1", gitlabcitest.Settings{CancelRole: 7})
		},
		`gitlabcitest: AddJob: ArtifactsAccess 7 is no role`: func() {
			pipeline.AddJob(gitlabcitest.Job{ArtifactsAccess: 7})
		},
		`gitlabcitest: OnCreate: ArtifactsAccess 7 is no role`: func() {
			srv.OnCreate("1", gitlabcitest.Pipeline{}, gitlabcitest.Job{ArtifactsAccess: 7})
		},
	} {
		t.Run(sentence, func(t *testing.T) { require.PanicsWithValue(t, sentence, mistake) })
	}
	require.Panics(t, func() {
		srv.AddToken(gitlabcitest.Token{Permissions: []string{}, Scopes: []string{}})
	})
	require.Panics(t, func() { srv.Configure("1", gitlabcitest.Settings{VariablesRole: 7}) })
	require.Equal(t, 200, get(t, srv, "/projects/1/pipelines").status, "no lock is left")
}
