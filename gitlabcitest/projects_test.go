package gitlabcitest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const (
	projectBasicKeys = "id description name name_with_namespace path path_with_namespace created_at default_branch tag_list topics ssh_url_to_repo " +
		"http_url_to_repo web_url readme_url forks_count avatar_url star_count last_activity_at visibility namespace"
	projectKeys = projectBasicKeys + " _links container_registry_image_prefix empty_repo archived updated_at creator_id import_status open_issues_count " +
		"marked_for_deletion_at request_access_enabled lfs_enabled packages_enabled issues_enabled wiki_enabled snippets_enabled " +
		"container_registry_enabled repository_access_level merge_requests_access_level issues_access_level builds_access_level " +
		"merge_requests_enabled can_create_merge_request_in only_allow_merge_if_pipeline_succeeds allow_merge_on_skipped_pipeline " +
		"only_allow_merge_if_all_discussions_are_resolved remove_source_branch_after_merge resolve_outdated_diff_discussions " +
		"printing_merge_request_link_enabled merge_method squash_option jobs_enabled public_jobs shared_runners_enabled " +
		"group_runners_enabled build_timeout build_git_strategy auto_cancel_pending_pipelines auto_devops_enabled ci_config_path " +
		"ci_default_git_depth ci_forward_deployment_enabled ci_job_token_scope_enabled ci_separated_caches " +
		"ci_restrict_pipeline_cancellation_role ci_pipeline_variables_minimum_override_role restrict_user_defined_variables " +
		"keep_latest_artifact runner_token_expiration_interval shared_with_groups permissions"
)

func TestProject(t *testing.T) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithExternalURL("https://ci.example.com:8443/gitlab"))
	srv.AddProject("group/sub/lib")
	srv.AddPipeline("group/sub/lib", gitlabcitest.Pipeline{CreatedAt: day(1), UpdatedAt: day(2)})
	srv.Configure("group/sub/lib", gitlabcitest.Settings{PrivateBuilds: true, CancelRole: gitlabcitest.RoleMaintainer, VariablesRole: gitlabcitest.RoleNoOne})

	o := get(t, srv, "/projects/group%2Fsub%2Flib").object(t)
	requireKeys(t, projectKeys, o)
	require.EqualValues(t, 2, o["id"])
	require.Equal(t, "Group / Sub / Lib", o["name_with_namespace"])
	require.Equal(t, "private", o["visibility"])
	require.Equal(t, "main", o["default_branch"])
	require.Equal(t, "https://ci.example.com:8443/gitlab/group/sub/lib", o["web_url"])
	require.Equal(t, "git@ci.example.com:group/sub/lib.git", o["ssh_url_to_repo"])
	require.Equal(t, "https://ci.example.com:8443/gitlab/api/v4/projects/2", o.in("_links")["self"])
	require.Equal(t, object{"id": 2.0, "name": "Sub", "path": "sub", "kind": "group", "full_path": "group/sub", "parent_id": 1.0,
		"avatar_url": nil, "web_url": "https://ci.example.com:8443/gitlab/groups/group/sub"}, object(o.in("namespace")))
	require.Equal(t, false, o["public_jobs"])
	require.Equal(t, "maintainer", o["ci_restrict_pipeline_cancellation_role"])
	require.Equal(t, "no_one_allowed", o["ci_pipeline_variables_minimum_override_role"])
	require.Equal(t, true, o["restrict_user_defined_variables"])
	require.EqualValues(t, 50, object(o.in("permissions")).in("project_access")["access_level"])

	first := get(t, srv, "/projects/1").object(t)
	require.Equal(t, true, first["public_jobs"])
	require.Equal(t, "developer", first["ci_restrict_pipeline_cancellation_role"])
	require.Equal(t, false, first["restrict_user_defined_variables"])
	require.Nil(t, first.in("namespace")["parent_id"])

	srv.Configure("group/app", gitlabcitest.Settings{CancelRole: gitlabcitest.RoleDeveloper, VariablesRole: gitlabcitest.RoleOwner})
	first = get(t, srv, "/projects/1").object(t)
	require.Equal(t, "developer", first["ci_restrict_pipeline_cancellation_role"])
	require.Equal(t, "owner", first["ci_pipeline_variables_minimum_override_role"])
}

func TestProjectAccess(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/open")
	srv.Configure("group/open", gitlabcitest.Settings{Public: true})
	srv.AddMember("group/open", "guest", gitlabcitest.RoleGuest)
	guest := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "guest"})

	requireKeys(t, projectBasicKeys, send(t, srv, "GET", "/projects/2", "", "anonymous").object(t))
	require.Equal(t, 404, send(t, srv, "GET", "/projects/1", "", "anonymous").status)
	r := send(t, srv, "GET", "/projects/group%2Fapp", "", guest)
	require.Equal(t, 404, r.status)
	require.JSONEq(t, `{"message":"404 Project Not Found"}`, r.body)
	o := send(t, srv, "GET", "/projects/2", "", guest).object(t)
	require.Equal(t, "public", o["visibility"])
	require.Equal(t, false, o["can_create_merge_request_in"])
	require.EqualValues(t, 10, object(o.in("permissions")).in("project_access")["access_level"])

	srv.AddUser(gitlabcitest.User{Username: "root", Admin: true})
	admin := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "root"})
	require.Nil(t, send(t, srv, "GET", "/projects/1", "", admin).object(t).in("permissions")["project_access"])
	srv.MoveProject("group/app", "group/moved")
	require.Equal(t, "https://gitlab.example.com/api/v4/projects/1", get(t, srv, "/projects/group%2Fapp").header.Get("Location"))
}

func TestListProjects(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/Web-Shop")
	srv.AddProject("other/alpha")
	srv.Configure("other/alpha", gitlabcitest.Settings{Public: true})
	srv.AddMember("group/app", "dev", gitlabcitest.RoleDeveloper)
	dev := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "dev"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{UpdatedAt: day(1).AddDate(50, 0, 0)})
	tests := map[string]struct {
		query string
		as    string
		want  []int
	}{
		"newest first":        {"", "", []int{3, 2, 1}},
		"a page":              {"?per_page=1&page=2", "", []int{2}},
		"by name":             {"?order_by=name&sort=asc", "", []int{2, 3, 1}},
		"by last activity":    {"?order_by=last_activity_at", "", []int{1, 3, 2}},
		"search":              {"?search=shop", "", []int{2}},
		"search no group":     {"?search=group", "", []int{}},
		"public":              {"?visibility=public", "", []int{3}},
		"private":             {"?visibility=private&sort=asc", "", []int{1, 2}},
		"of nobody":           {"", "anonymous", []int{3}},
		"of nobody's own":     {"?membership=true", "anonymous", []int{}},
		"of a developer":      {"", dev, []int{3, 1}},
		"where she is member": {"?membership=true", dev, []int{1}},
		"what she owns":       {"?owned=true", dev, []int{}},
		"by least role":       {"?min_access_level=30", dev, []int{1}},
		"by too high a role":  {"?min_access_level=40", dev, []int{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := send(t, srv, "GET", "/projects"+test.query, "", test.as)
			require.Equal(t, 200, r.status, r.body)
			require.Equal(t, test.want, r.ids(t))
		})
	}
	requireKeys(t, projectKeys, get(t, srv, "/projects").list(t)[0])
	requireKeys(t, projectBasicKeys, get(t, srv, "/projects?simple=true").list(t)[0])
	requireKeys(t, projectBasicKeys, send(t, srv, "GET", "/projects", "", "anonymous").list(t)[0])
	r := get(t, srv, "/projects?order_by=x&sort=up")
	require.Equal(t, 400, r.status)
	require.JSONEq(t, `{"error":"order_by does not have a valid value, sort does not have a valid value"}`, r.body)
	require.Equal(t, "3", get(t, srv, "/projects?per_page=1").header.Get("X-Total"))
}

// GitLab links to the IDs after a page without looking whether there are any.
func TestProjectsByCursor(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/b")
	srv.AddProject("group/c")
	for sort, pages := range map[string][][]int{"desc": {{3, 2}, {1}, {}}, "asc": {{1, 2}, {3}, {}}} {
		path := "/projects?pagination=keyset&order_by=id&per_page=2&sort=" + sort
		for _, want := range pages {
			r := get(t, srv, path)
			require.Equal(t, want, r.ids(t))
			require.Empty(t, r.header.Get("X-Total"))
			link := r.header.Get("Link")
			require.Equal(t, len(want) > 0, strings.HasSuffix(link, `rel="next"`), link)
			link, _, _ = strings.Cut(strings.TrimPrefix(link, "<https://gitlab.example.com/api/v4"), ">")
			path = link
		}
	}
	require.Equal(t, 405, get(t, srv, "/projects?pagination=keyset").status)
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("12.6"))
	require.NotEmpty(t, get(t, old, "/projects?pagination=keyset&order_by=id").header.Get("X-Total"))
}

func TestProjectFilters(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/sub/lib")
	srv.AddProject("other/shared")
	srv.Configure("group/app", gitlabcitest.Settings{Topics: []string{"Go", "ci"}})
	srv.Configure("group/sub/lib", gitlabcitest.Settings{Archived: true})
	srv.Configure("other/shared", gitlabcitest.Settings{SharedWith: []string{"group"}})
	srv.AddPipeline("other/shared", gitlabcitest.Pipeline{UpdatedAt: day(1).AddDate(50, 0, 0)})
	for path, want := range map[string][]int{
		"/projects?archived=true":                                            {2},
		"/projects?archived=false":                                           {3, 1},
		"/projects?topic=go":                                                 {1},
		"/projects?topic=go,%20CI":                                           {1},
		"/projects?topic=go,rust":                                            {},
		"/projects?id_after=1":                                               {3, 2},
		"/projects?last_activity_after=2074-01-01T00:00:00Z":                 {3},
		"/groups/group/projects":                                             {3, 1},
		"/groups/1/projects?with_shared=false":                               {1},
		"/groups/group/projects?include_subgroups=true":                      {3, 2, 1},
		"/groups/group%2Fsub/projects":                                       {2},
		"/groups/group/projects?include_subgroups=true&archived=false":       {3, 1},
		"/groups/group/projects?include_subgroups=true&order_by=id&sort=asc": {1, 2, 3},
	} {
		require.Equal(t, want, get(t, srv, path).ids(t), path)
	}
	for _, path := range []string{"/groups/grou/projects", "/groups/9/projects", "/groups/0/projects"} {
		r := get(t, srv, path)
		require.Equal(t, 404, r.status, path)
		require.JSONEq(t, `{"message":"404 Group Not Found"}`, r.body)
	}
	require.Equal(t, 404, send(t, srv, "GET", "/groups/group/projects", "", "anonymous").status)
	srv.Configure("group/app", gitlabcitest.Settings{Public: true})
	require.Equal(t, []int{1}, send(t, srv, "GET", "/groups/group/projects", "", "anonymous").ids(t))
	require.Equal(t, 403, send(t, srv, "POST", "/projects/2/pipeline?ref=main", "").status, "it is archived")
	require.Panics(t, func() { srv.Configure("1", gitlabcitest.Settings{SharedWith: []string{"nowhere"}}) })
}

func TestInstance(t *testing.T) {
	srv := gitlabcitest.NewServer()
	const metadata = `{"version":"19.5.0","revision":"0f4ce000","enterprise":false,
		"kas":{"enabled":false,"externalUrl":null,"externalK8sProxyUrl":null,"version":null}}`
	require.JSONEq(t, metadata, get(t, srv, "/metadata").body)
	require.JSONEq(t, metadata, get(t, srv, "/version").body)
	for _, path := range []string{"/version", "/metadata", "/user"} {
		require.Equal(t, 401, send(t, srv, "GET", path, "", "anonymous").status, path)
	}
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("15.1"))
	require.JSONEq(t, `{"version":"15.1.0","revision":"0f4ce000"}`, get(t, old, "/version").body)
	require.JSONEq(t, `{"error":"404 Not Found"}`, get(t, old, "/metadata").body)

	read := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Permissions: []string{"read_metadata"}})
	require.Equal(t, 200, send(t, srv, "GET", "/version", "", read).status)
	require.Contains(t, send(t, srv, "GET", "/projects/1", "", read).body, "the following project permissions: [read_project]")
	require.Contains(t, send(t, srv, "GET", "/projects", "", read).body, "the following user permissions: [read_project]")
	none := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Permissions: []string{}})
	require.Contains(t, send(t, srv, "GET", "/version", "", none).body, "the following instance permissions: [read_metadata]")
}

func TestVersionSaysAllOfTheMetadataOnceItHasAny(t *testing.T) {
	for release, keys := range map[string]string{
		"11.0": "version revision",
		"15.4": "version revision",
		"15.5": "version revision kas enterprise",
		"19.5": "version revision kas enterprise",
	} {
		requireKeys(t, keys, get(t, gitlabcitest.NewServer(gitlabcitest.WithVersion(release)), "/version").object(t))
	}
}

func TestCurrentUser(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddUser(gitlabcitest.User{Username: "noor"})
	o := get(t, srv, "/user").object(t)
	const keys = "id username public_email name state locked avatar_url web_url created_at bio location linkedin twitter discord website_url github " +
		"organization job_title pronouns bot work_information followers following is_followed local_time last_sign_in_at confirmed_at " +
		"last_activity_on email theme_id color_scheme_id projects_limit current_sign_in_at identities can_create_group can_create_project " +
		"two_factor_enabled external private_profile commit_email"
	requireKeys(t, keys+" is_admin", o)
	require.Equal(t, "maya", o["username"])
	require.Equal(t, "maya@example.com", o["email"])
	require.Equal(t, "https://gitlab.example.com/maya", o["web_url"])
	noor := send(t, srv, "GET", "/user", "", "Private-Token: "+srv.AddToken(gitlabcitest.Token{Username: "noor"})).object(t)
	requireKeys(t, keys, noor)
	require.Equal(t, "noor", send(t, srv, "GET", "/user", "", "Sudo: noor").object(t)["username"])
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	require.Equal(t, 401, send(t, srv, "GET", "/user", "", "Job-Token: "+srv.JobToken(job.ID)).status)
}
