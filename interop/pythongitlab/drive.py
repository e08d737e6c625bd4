"""Drives a fake GitLab through all that python-gitlab has for CI.

The server is given by GITLAB_URL, GITLAB_TOKEN, GITLAB_PROJECT and, if its
artifacts are in a storage, STORAGE_URL, as cmd/fakegitlab prints them.
"""

import http.server
import io
import json
import os
import threading
import time
import zipfile

import gitlab

URL = os.environ["GITLAB_URL"]
TOKEN = os.environ["GITLAB_TOKEN"]
PROJECT = os.environ["GITLAB_PROJECT"]
STORAGE = "STORAGE_URL" in os.environ


def refused(status, error, call, *args, **kwargs):
    """Requires that a call fails, and returns what the server said."""
    try:
        call(*args, **kwargs)
    except error as e:
        assert e.response_code == status, e
        return e.error_message
    raise AssertionError(f"{call} was not refused")


def connect():
    # Without keep_base_url it warns, which is made an error here, if the server
    # has another URL for itself than its clients.
    gl = gitlab.Gitlab(URL, private_token=TOKEN)
    gl.auth()
    assert gl.user.username == "maya" and gl.user.email == "maya@example.com"
    assert gl.version() == ("19.5.0", "0f4ce000")
    refused(401, gitlab.GitlabAuthenticationError, gitlab.Gitlab(URL, private_token="other").auth)
    return gl


def projects_and_repository(gl):
    project = gl.projects.get(PROJECT)
    assert gl.projects.get(project.id).path_with_namespace == PROJECT
    assert PROJECT in [p.path_with_namespace for p in gl.projects.list(iterator=True)]
    by_key = gl.projects.list(iterator=True, pagination="keyset", order_by="id", per_page=1, simple=True)
    assert PROJECT in [p.path_with_namespace for p in by_key]
    group = gl.groups.get(project.namespace["full_path"], lazy=True)
    assert PROJECT in [p.path_with_namespace for p in group.projects.list(include_subgroups=True, archived=False, get_all=True)]
    refused(404, gitlab.GitlabListError, gl.groups.get("absent", lazy=True).projects.list, get_all=True)
    branch = project.branches.get(project.default_branch)
    assert branch.default and branch.commit["id"] == project.commits.get("main").id
    newest = project.commits.get("main").last_pipeline
    assert newest["ref"] == "main" and newest["status"] == "success"
    tag = project.pipelines.list(scope="tags", get_all=False)[0].ref
    assert project.tags.get(tag).name == tag
    assert branch.name in [b.name for b in project.branches.list(search="^" + branch.name, get_all=True)]
    assert tag in [t.name for t in project.tags.list(order_by="version", get_all=True)]
    assert project.commits.list(ref_name="main", first_parent=True, get_all=False)[0].id == branch.commit["id"]
    refused(404, gitlab.GitlabGetError, project.commits.get, "0000000")
    requests = project.mergerequests.list(state="opened", get_all=True)
    assert len(requests) > 5 and requests[0].target_branch == "main"
    newest = project.mergerequests.list(iids=[requests[0].iid], order_by="updated_at", sort="asc", view="simple", get_all=True)
    assert [r.iid for r in newest] == [requests[0].iid]
    shown = project.mergerequests.get(requests[0].iid)
    assert [p.ref for p in shown.pipelines.list(get_all=True)]
    made = shown.pipelines.create()
    assert made.source == "merge_request_event" and made.sha == shown.sha
    assert shown.pipelines.list(get_all=True)[0].id == made.id
    project.pipelines.delete(made.id)
    refused(404, gitlab.GitlabGetError, project.mergerequests.get, 999999)
    refused(404, gitlab.GitlabGetError, gl.projects.get, "group/absent")
    assert refused(404, gitlab.GitlabGetError, project.branches.get, "absent") == "404 Branch Not Found"
    return project


def graphql(gl):
    """The library as old as Debian's has no method for GraphQL, which is beside /api/v4."""
    query = "query($path: ID!) { project(fullPath: $path) { fullPath pipelines(first: 2) { nodes { status } } } }"

    def post(query, **variables):
        return gl.http_post(URL.rstrip("/") + "/api/graphql", post_data={"query": query, "variables": variables})

    project = post(query, path=PROJECT)["data"]["project"]
    assert project["fullPath"] == PROJECT and len(project["pipelines"]["nodes"]) == 2
    assert all(n["status"].isupper() for n in project["pipelines"]["nodes"])
    assert post(query, path="group/absent") == {"data": {"project": None}}
    assert post("{ absent }")["errors"][0]["message"]


def environments(project):
    listed = project.environments.list(get_all=True)
    for e in listed[:2]:
        assert project.environments.get(e.id).name == e.name
    deployments = project.deployments.list(order_by="id", sort="desc", get_all=False)
    for d in deployments[:2]:
        assert project.deployments.get(d.id).sha == d.sha
    refused(400, gitlab.GitlabListError, project.deployments.list, order_by="finished_at", get_all=False)
    refused(404, gitlab.GitlabGetError, project.environments.get, 999999)


def lists(project):
    every = project.pipelines.list(iterator=True, per_page=50)
    assert every.total == len(every) >= 300 and every.per_page == 50
    ids = [p.id for p in every]
    assert len(ids) == every.total and ids == sorted(ids, reverse=True)
    failed = project.pipelines.list(status="failed", ref="main", order_by="id", sort="asc", get_all=True)
    assert failed and all(p.status == "failed" and p.ref == "main" for p in failed)
    assert failed[0].id < failed[-1].id

    pages = project.jobs.list(iterator=True, per_page=100)
    assert pages.total is None, "a project's jobs are never counted"
    by_page = {j.id for j in pages}
    by_key = [j.id for j in project.jobs.list(iterator=True, pagination="keyset", order_by="id", per_page=100)]
    # Jobs start meanwhile: numbered pages can repeat some, and a keyset cannot.
    assert by_page <= set(by_key) and len(by_key) == len(set(by_key)) > 2500
    some = project.jobs.list(scope=["failed", "manual"], get_all=False)
    assert len(some) == 20 and {j.status for j in some} <= {"failed", "manual"}


def reading(project):
    newest = project.pipelines.get("latest")
    assert newest.ref == "main" and newest.status == "success" and newest.detailed_status["text"] == "Passed"
    pipeline = project.pipelines.get(newest.id)
    pipeline.refresh()
    report = pipeline.test_report.get()
    assert report.total_count > 20 and report.test_suites[0]["test_cases"]
    summary = pipeline.test_report_summary.get()
    assert summary.total["count"] == report.total_count and summary.test_suites[0]["build_ids"]
    bridges = pipeline.bridges.list(get_all=True)
    assert [b.downstream_pipeline["project_id"] for b in bridges] == [2, 1]
    jobs = pipeline.jobs.list(get_all=True)
    assert len(jobs) == 9 and len(pipeline.jobs.list(include_retried=True, scope=["success"], get_all=True)) == 8
    candidate = project.pipelines.list(source="api", get_all=False)[0]
    variables = {v.key: v.value for v in candidate.variables.list(get_all=True)}
    assert variables == {"TARGET": "staging", "DRY_RUN": "true"}

    build = project.jobs.get(next(j.id for j in jobs if j.name == "build"))
    build.refresh()
    assert build.runner["status"] == "online" and build.tag_list == ["docker", "linux"]
    assert build.trace().endswith(b"Job succeeded\x1b[0;m\n")
    chunks = []
    build.trace(streamed=True, action=chunks.append, chunk_size=64)
    assert b"".join(chunks) == build.trace()
    return build


def names(archive):
    return zipfile.ZipFile(io.BytesIO(archive)).namelist()


def artifacts(project, build):
    if STORAGE:
        # python-gitlab sends its personal token to wherever GitLab redirects it,
        # as requests drops only Authorization. A storage ignores it, as S3 does.
        # An OAuth token stays with GitLab.
        assert names(build.artifacts()) == names(project.artifacts.download("main", "build"))
        assert "bin/app" in names(build.artifacts(download_mode="proxy"))
        project = gitlab.Gitlab(URL, oauth_token=TOKEN).projects.get(PROJECT)
        build = project.jobs.get(build.id)
    archive = build.artifacts()
    assert {"bin/app", "version.txt"} <= set(names(archive))
    chunks = []
    build.artifacts(streamed=True, action=chunks.append, chunk_size=512)
    assert b"".join(chunks) == archive == b"".join(build.artifacts(iterator=True))
    assert project.artifacts.download("main", "build") == archive
    assert build.artifact("version.txt") == b"main\n"
    assert project.artifacts.raw("main", "version.txt", "build") == b"main\n"
    refused(404, gitlab.GitlabGetError, build.artifact, "absent.txt")
    refused(404, gitlab.GitlabGetError, project.artifacts.download, "main", "absent")


def until(project, pipeline_id, *statuses):
    """Waits for a pipeline, a minute of which takes less than a second here."""
    for _ in range(300):
        pipeline = project.pipelines.get(pipeline_id)
        if pipeline.status in statuses:
            return pipeline
        time.sleep(0.1)
    raise AssertionError(f"the pipeline is still {pipeline.status}")


def running(project):
    created = project.pipelines.create({"ref": "main", "variables": [{"key": "TARGET", "value": "staging"}]})
    assert created.source == "api" and created.status == "created"
    assert created.variables.list(get_all=True)[0].value == "staging"
    message = refused(400, gitlab.GitlabCreateError, project.pipelines.create, {"ref": "absent"})
    assert message == {"base": ["Reference not found"]}
    pipeline = until(project, created.id, "success")
    assert pipeline.duration > 60 and pipeline.finished_at

    production = project.jobs.get(next(j.id for j in pipeline.jobs.list(get_all=True) if j.name == "production"))
    assert production.status == "manual"
    production.play()
    production.refresh()
    assert production.status in ("pending", "running", "success")
    build = next(j.id for j in pipeline.jobs.list(get_all=True) if j.name == "build")
    refused(400, gitlab.GitlabJobPlayError, project.jobs.get(build).play)
    return pipeline


def changing(project, pipeline):
    build = project.jobs.get(next(j.id for j in pipeline.jobs.list(get_all=True) if j.name == "build"))
    again = build.retry()
    assert again["id"] != build.id and again["status"] in ("pending", "running")
    refused(403, gitlab.GitlabJobRetryError, build.retry)
    assert project.jobs.get(again["id"]).cancel()["status"] in ("canceled", "canceling", "running")
    until(project, pipeline.id, "success", "failed", "canceled")

    build.keep_artifacts()
    build.refresh()
    assert build.artifacts_expire_at is None and build.artifacts_file["filename"] == "artifacts.zip"
    build.delete_artifacts()
    refused(404, gitlab.GitlabGetError, build.artifacts)
    build.erase()
    build.refresh()
    assert build.erased_at and build.trace() == b""
    refused(403, gitlab.GitlabJobEraseError, build.erase)

    other = project.pipelines.create({"ref": "feature/login"})
    assert other.cancel()["id"] == other.id
    until(project, other.id, "canceled")
    assert other.retry()["id"] == other.id
    until(project, other.id, "success")
    other.delete()
    refused(404, gitlab.GitlabGetError, project.pipelines.get, other.id)
    project.pipelines.delete(pipeline.id)
    project.artifacts.delete()


def statuses(project):
    commit = project.commits.get("main")
    commit.statuses.create({"state": "pending", "name": "bot"})
    running = commit.statuses.create({"state": "running", "name": "bot", "description": "at work"})
    message = refused(400, gitlab.GitlabCreateError, commit.statuses.create, {"state": "running", "name": "bot"})
    assert message.startswith("Cannot transition status via :run from :running")
    ended = commit.statuses.create({"state": "success", "name": "bot", "target_url": "https://bot.example.com/1"})
    assert ended.id == running.id and ended.description == "at work" and ended.author["username"] == "maya"
    assert ended.pipeline_id == project.commits.get("main").last_pipeline["id"]
    named = commit.statuses.list(name="bot", get_all=True)
    assert [s.status for s in named] == ["success"] and len(commit.statuses.list(get_all=True)) > 1
    refused(404, gitlab.GitlabCreateError, commit.statuses.create, {"state": "success", "pipeline_id": 1})


def triggers(gl, project):
    trigger = project.triggers.create({"description": "bot"})
    assert trigger.owner["username"] == "maya" and trigger.last_used is None and len(trigger.token) > 20
    pipeline = project.trigger_pipeline("main", trigger.token, variables={"A": "1"})
    assert pipeline.source == "trigger" and pipeline.user["username"] == "maya"
    assert [v.key for v in pipeline.variables.list(get_all=True)] == ["A", "TRIGGER_PAYLOAD"]
    pipeline.delete()  # or it would send events to the hooks
    old = gl.http_post(f"/projects/{project.id}/ref/main/trigger/pipeline", post_data={"token": trigger.token})
    assert old["source"] == "trigger" and old["ref"] == "main" and old["id"] > pipeline.id
    project.pipelines.delete(old["id"])
    assert refused(404, gitlab.GitlabCreateError, project.trigger_pipeline, "main", TOKEN) == "404 Not Found"
    trigger.description = "robot"
    trigger.save()
    assert [t.description for t in project.triggers.list(get_all=True)] == ["robot"]
    assert project.triggers.get(trigger.id).last_used
    trigger.delete()
    refused(404, gitlab.GitlabCreateError, project.trigger_pipeline, "main", trigger.token)


def schedules(gl, project):
    schedule = project.pipelineschedules.create({"description": "nightly", "ref": "main", "cron": "0 1 * * *"})
    assert schedule.ref == "refs/heads/main" and schedule.active and schedule.owner["username"] == "maya"
    schedule.variables.create({"key": "REGION", "value": "us"})
    number = schedule.id
    variable = f"/projects/{project.id}/pipeline_schedules/{number}/variables/REGION"
    assert gl.http_get(variable)["value"] == "us"
    assert schedule.variables.update("REGION", {"value": "eu"})["value"] == "eu"
    assert gl.http_get(variable) == {"variable_type": "env_var", "key": "REGION", "value": "eu", "raw": False}
    refused(404, gitlab.GitlabHttpError, gl.http_get, variable + "S")
    schedule.play()  # after which it has no attributes but the message
    schedule = project.pipelineschedules.get(number)
    assert schedule.attributes["variables"] == [{"variable_type": "env_var", "key": "REGION", "value": "eu", "raw": False}]
    started = gl.http_list(f"/projects/{project.id}/pipeline_schedules/{number}/pipelines")
    assert [p["source"] for p in started] == ["schedule"] and started[0]["id"] == schedule.last_pipeline["id"]
    project.pipelines.delete(started[0]["id"])
    schedule.take_ownership()
    schedule.active = False
    schedule.save()
    assert project.pipelineschedules.list(scope="inactive", get_all=True)[-1].id == schedule.id
    schedule.variables.delete("REGION")
    refused(404, gitlab.GitlabDeleteError, schedule.variables.delete, "REGION")
    refused(400, gitlab.GitlabCreateError, project.pipelineschedules.create, {"description": "x", "ref": "main", "cron": "x"})
    schedule.delete()
    assert refused(404, gitlab.GitlabGetError, project.pipelineschedules.get, schedule.id) == "404 Pipeline Schedule Not Found"


def variables(gl, project):
    for owner, name in ((project, ""), (gl.groups.get("group", lazy=True), "Group"), (gl, "Instance")):
        made = owner.variables.create({"key": "TOKEN", "value": "first-value", "masked": True})
        assert made.masked and not made.protected and made.variable_type == "env_var"
        message = refused(400, gitlab.GitlabCreateError, owner.variables.create, {"key": "TOKEN", "value": "x"})
        assert message == {"key": ["(TOKEN) has already been taken"]}
        made.value = "second-value"
        made.save()
        assert owner.variables.get("TOKEN").value == "second-value"
        others = ["DEPLOY_URL"] if owner is project else []
        assert [v.key for v in owner.variables.list(get_all=True)] == [*others, "TOKEN"]
        made.delete()
        assert refused(404, gitlab.GitlabGetError, owner.variables.get, "TOKEN") == f"404 {name}Variable Not Found"
    for scope in ("*", "production"):
        project.variables.create({"key": "URL", "value": scope, "environment_scope": scope})
    message = refused(409, gitlab.GitlabGetError, project.variables.get, "URL")
    assert message.startswith("There are multiple variables")
    assert project.variables.get("URL", filter={"environment_scope": "production"}).value == "production"
    for scope in ("*", "production"):
        project.variables.delete("URL", filter={"environment_scope": scope})


def lint(project):
    project.ci_lint.validate({"content": "test: {script: make}"})
    try:
        project.ci_lint.validate({"content": ""})
        raise AssertionError("an empty configuration is valid")
    except gitlab.GitlabCiLintError as e:
        assert "Please provide content" in str(e)
    assert project.ci_lint.get().valid and project.ci_lint.get(content_ref="main").merged_yaml


class Receiver(http.server.BaseHTTPRequestHandler):
    got = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.headers, json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


def hooks(gl, project):
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    hook = project.hooks.create({"url": url, "token": "correct horse", "pipeline_events": True, "push_events": False})
    assert hook.pipeline_events and not hook.job_events and hook.token_present and not hasattr(hook, "token")
    gl.http_post(f"/projects/{project.id}/hooks/{hook.id}/test/pipeline_events")
    headers, event = Receiver.got.pop()
    assert headers["X-Gitlab-Event"] == "Pipeline Hook" and headers["X-Gitlab-Token"] == "correct horse"
    assert event["object_kind"] == "pipeline" and event["project"]["path_with_namespace"] == PROJECT
    events = gl.http_list(f"/projects/{project.id}/hooks/{hook.id}/events")
    assert events[0]["response_status"] == "200" and events[0]["request_headers"]["X-Gitlab-Token"] == "[REDACTED]"
    assert gl.http_post(f"/projects/{project.id}/hooks/{hook.id}/events/{events[0]['id']}/resend") == {"response_status": 200}
    assert Receiver.got[-1][0]["Idempotency-Key"] == headers["Idempotency-Key"]
    hook.job_events = True
    hook.save()
    assert [h.job_events for h in project.hooks.list(get_all=True)] == [True]
    hook.delete()
    refused(404, gitlab.GitlabGetError, project.hooks.get, hook.id)


def main():
    gl = connect()
    project = projects_and_repository(gl)
    graphql(gl)
    environments(project)
    lists(project)
    artifacts(project, reading(project))
    changing(project, running(project))
    statuses(project)
    triggers(gl, project)
    schedules(gl, project)
    hooks(gl, project)
    variables(gl, project)
    lint(project)
    print(f"python-gitlab {gitlab.__version__}: all of it works", "with a storage" if STORAGE else "")


if __name__ == "__main__":
    main()
