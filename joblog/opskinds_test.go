package joblog_test

import (
	"slices"
	"strings"
	"testing"
)

// A kindOfOutput is what a tool writes that failed.
type kindOfOutput struct {
	name   string
	output string
	want   []string // what the lines shown have
	never  []string // what they have not
}

// opsKinds are outputs of the tools of infrastructure, in versions and modes that the
// corpus lacks.
var opsKinds = []kindOfOutput{
	{
		name: "Terraform 1.9 with a box, warnings and a module",
		output: `Initializing the backend...
Initializing provider plugins...
╷
│ Warning: Deprecated attribute
│
│   on network.tf line 7, in resource "aws_eip" "a":
│    7:   vpc = true
│
│ use domain instead, or this is an error
╵
╷
│ Error: creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 403, UnauthorizedOperation: You are not authorized to perform this operation
│
│   with module.web.aws_instance.this[0],
│   on .terraform/modules/web/main.tf line 24, in resource "aws_instance" "this":
│   24: resource "aws_instance" "this" {
│
╵
╷
│ Error: Error acquiring the state lock
│
│ Error message: ConditionalCheckFailedException: The conditional request failed
│ Lock Info:
│   ID:        2f1b0c
│   Path:      acme/terraform.tfstate
╵
`,
		want:  []string{"creating EC2 Instance", "main.tf line 24", "Error acquiring the state lock", "ConditionalCheckFailedException"},
		never: []string{"Deprecated", "network.tf", "use domain"},
	},
	{
		name: "Terraform 0.12",
		output: `
Error: Unsupported argument

  on main.tf line 3, in resource "local_file" "a":
   3:   contents = "x"

An argument named "contents" is not expected here. Did you mean "content"?

`,
		want: []string{"Error: Unsupported argument", "main.tf line 3", `Did you mean "content"?`},
	},
	{
		name: "Ansible, ignored failures and a loop",
		output: `TASK [probe] *******************************************************************
fatal: [web-1]: FAILED! => {"changed": false, "msg": "first"}
...ignoring

TASK [app : install packages] **************************************************
ok: [web-1] => (item=git)
failed: [web-1] (item=nginxx) => {"ansible_loop_var": "item", "changed": false, "msg": "No package matching 'nginxx' is available"}

PLAY RECAP *********************************************************************
web-1                      : ok=5    changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=1
`,
		want:  []string{"TASK [app : install packages]", "No package matching 'nginxx' is available"},
		never: []string{"first", "RECAP", "ok=5"},
	},
	{
		name: "ansible-core 2.19",
		output: `TASK [deploy] ******************************************************************
[ERROR]: Task failed: Module failed: Destination directory /srv/none does not exist
Origin: /builds/group/app/site.yml:7:7

5   gather_facts: false
6   tasks:
7     - name: deploy
        ^ column 7

fatal: [web-1]: FAILED! => {"changed": false, "msg": "Destination directory /srv/none does not exist"}
`,
		want: []string{"TASK [deploy]", "site.yml:7:7", "/srv/none does not exist"},
	},
	{
		name: "helm upgrade",
		output: `Error: UPGRADE FAILED: cannot patch "app" with kind Deployment: Deployment.apps "app" is invalid: spec.selector: Invalid value: field is immutable
helm.go:84: [debug] cannot patch "app" with kind Deployment
UPGRADE FAILED
main.newUpgradeCmd.func2
	helm.sh/helm/v3/cmd/helm/upgrade.go:238
runtime.main
	runtime/proc.go:271
`,
		want:  []string{"UPGRADE FAILED: cannot patch"},
		never: []string{"proc.go"},
	},
	{
		name: "kubectl apply",
		output: `deployment.apps/app configured
The Service "app" is invalid: 
* spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767
Error from server (Forbidden): error when creating "cm.yaml": configmaps is forbidden: User "system:serviceaccount:ci:default" cannot create resource "configmaps"
`,
		want: []string{`The Service "app" is invalid`, "spec.ports[0].nodePort", "configmaps is forbidden"},
	},
	{
		name: "kubectl rollout",
		output: `Waiting for deployment "app" rollout to finish: 0 of 3 updated replicas are available...
Waiting for deployment "app" rollout to finish: 1 of 3 updated replicas are available...
error: deployment "app" exceeded its progress deadline
`,
		want:  []string{"exceeded its progress deadline"},
		never: []string{"Waiting for"},
	},
	{
		name: "BuildKit with a tool that is known",
		output: `#9 [build 4/4] RUN go build ./...
#9 1.204 # example.com/app
#9 1.204 ./main.go:10:14: undefined: nosuch
#9 ERROR: process "/bin/sh -c go build ./..." did not complete successfully: exit code: 1
------
 > [build 4/4] RUN go build ./...:
1.204 # example.com/app
1.204 ./main.go:10:14: undefined: nosuch
------
Dockerfile:7
--------------------
   5 |     COPY . .
   6 |
   7 | >>> RUN go build ./...
   8 |
--------------------
ERROR: failed to solve: process "/bin/sh -c go build ./..." did not complete successfully: exit code: 1
`,
		want:  []string{"./main.go:10:14: undefined: nosuch", "ERROR: failed to solve: process"},
		never: []string{"   5 |"},
	},
	{
		name: "BuildKit with a file that is missing",
		output: `#7 [2/3] COPY target/app.jar /app.jar
#7 ERROR: failed to calculate checksum of ref abc: "/target/app.jar": not found
------
 > [2/3] COPY target/app.jar /app.jar:
------
Dockerfile:2
--------------------
   1 |     FROM alpine
   2 | >>> COPY target/app.jar /app.jar
   3 |     CMD ["/app"]
--------------------
ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref abc: "/target/app.jar": not found
`,
		want: []string{`ERROR: failed to solve: failed to compute cache key`, `"/target/app.jar": not found`, "2 | >>> COPY target/app.jar"},
	},
	{
		name: "the old builder of Docker",
		output: `Step 3/4 : RUN ./configure
 ---> Running in 4fc1ed0f2f3f
looking for zlib
zlib is too old: 1.1
The command '/bin/sh -c ./configure' returned a non-zero code: 3
`,
		want: []string{"zlib is too old: 1.1", "returned a non-zero code: 3"},
	},
	{
		name: "kaniko",
		output: `INFO[0003] RUN ./configure
INFO[0003] Running: [/bin/sh -c ./configure]
zlib is too old: 1.1
error building image: error building stage: failed to execute command: waiting for process to exit: exit status 3
`,
		want: []string{"zlib is too old: 1.1", "waiting for process to exit: exit status 3"},
	},
	{
		name: "compose 2",
		output: ` Container app-db-1  Started
 Container app-db-1  Error
dependency failed to start: container app-db-1 is unhealthy
`,
		want: []string{"container app-db-1 is unhealthy"},
	},
	{
		name: "hadolint",
		output: `Dockerfile:3 DL3008 warning: Pin versions in apt get install
Dockerfile:9 SC2086 info: Double quote to prevent globbing
`,
		want: []string{"Dockerfile:3 DL3008", "Dockerfile:9 SC2086"},
	},
	{
		name: "trivy",
		output: `2026-05-01T10:00:00Z	INFO	[vuln] Vulnerability scanning is enabled
app (alpine 3.18.0)
===================
Total: 1 (HIGH: 1, CRITICAL: 0)

┌────────────┬────────────────┬──────────┬────────┬───────────────────┬───────────────┬─────────────────────────┐
│  Library   │ Vulnerability  │ Severity │ Status │ Installed Version │ Fixed Version │          Title          │
├────────────┼────────────────┼──────────┼────────┼───────────────────┼───────────────┼─────────────────────────┤
│ libcrypto3 │ CVE-2023-5363  │ HIGH     │ fixed  │ 3.1.0-r4          │ 3.1.4-r0      │ openssl: incorrect key  │
│            │                │          │        │                   │               │ and IV lengths          │
└────────────┴────────────────┴──────────┴────────┴───────────────────┴───────────────┴─────────────────────────┘
`,
		want: []string{"libcrypto3", "CVE-2023-5363"},
	},
	{
		name: "PowerShell 5",
		output: `Get-Content : Cannot find path 'C:\builds\group\app\version.txt' because it does not exist.
At C:\builds\group\app\publish.ps1:12 char:3
+   Get-Content version.txt
+   ~~~~~~~~~~~~~~~~~~~~~~~
    + CategoryInfo          : ObjectNotFound: (C:\builds\group\app\version.txt:String) [Get-Content], ItemNotFoundException
    + FullyQualifiedErrorId : PathNotFound,Microsoft.PowerShell.Commands.GetContentCommand
`,
		want: []string{"Cannot find path 'C:\\builds\\group\\app\\version.txt'", "publish.ps1:12 char:3"},
	},
	{
		name: "PowerShell 7",
		output: `Get-Content: C:\builds\group\app\publish.ps1:12
Line |
  12 |    Get-Content version.txt
     |    ~~~~~~~~~~~~~~~~~~~~~~~
     | Cannot find path 'C:\builds\group\app\version.txt' because it does not exist.
`,
		want: []string{"publish.ps1:12", "Cannot find path"},
	},
	{
		name: "MySQL",
		output: `ERROR 1064 (42000) at line 12: You have an error in your SQL syntax; check the manual near 'TABEL' at line 1
`,
		want: []string{"ERROR 1064 (42000) at line 12"},
	},
	{
		name: "the AWS CLI",
		output: `upload failed: dist/app.js to s3://acme-web/app.js An error occurred (AccessDenied) when calling the PutObject operation: Access Denied
`,
		want: []string{"An error occurred (AccessDenied)"},
	},
	{
		name: "an analyzer of GitLab",
		output: `[INFO] [Gemnasium] [2026-05-01T10:00:00Z] ▶ GitLab Gemnasium analyzer v5.2.0
[FATA] [Gemnasium] [2026-05-01T10:00:02Z] ▶ exit status 1: no match for go.sum in /builds/group/app
`,
		want: []string{"no match for go.sum"},
	},
	{
		name: "SonarScanner",
		output: `INFO: ANALYSIS SUCCESSFUL, you can find the results at: https://sonar.example.com/dashboard?id=app
ERROR: QUALITY GATE STATUS: FAILED - View details on https://sonar.example.com/dashboard?id=app
INFO: ------------------------------------------------------------------------
INFO: EXECUTION FAILURE
INFO: ------------------------------------------------------------------------
INFO: Total time: 12.3s
INFO: Final Memory: 20M/77M
ERROR: Error during SonarScanner execution
ERROR:
`,
		want:  []string{"QUALITY GATE STATUS: FAILED"},
		never: []string{"Final Memory", "EXECUTION FAILURE"},
	},
	{
		name: "Pulumi",
		output: `Updating (prod):
     Type                 Name      Status                  Info
     pulumi:pulumi:Stack  web-prod  **failed**              1 error
 +   └─ aws:s3:Bucket     site      **creating failed**     1 error

Diagnostics:
  aws:s3:Bucket (site):
    error: 1 error occurred:
    	* creating S3 Bucket (site): BucketAlreadyExists: The requested bucket name is not available.

  pulumi:pulumi:Stack (web-prod):
    error: update failed

Resources:
    3 unchanged

Duration: 5s
`,
		want:  []string{"error: 1 error occurred:", "BucketAlreadyExists"},
		never: []string{"3 unchanged", "update failed"},
	},
	{
		name: "Bazel",
		output: `ERROR: /builds/group/app/lib/BUILD:3:11: Compiling lib/a.cc failed: (Exit 1): gcc failed: error executing command /usr/bin/gcc -c lib/a.cc
lib/a.cc:7:3: error: 'nosuch' was not declared in this scope
    7 |   nosuch();
      |   ^~~~~~
//lib:a_test                                                            FAILED in 0.3s
FAILED: Build did NOT complete successfully
`,
		want:  []string{"lib/BUILD:3:11: Compiling lib/a.cc failed", "lib/a.cc:7:3: error: 'nosuch'", "//lib:a_test"},
		never: []string{"did NOT complete"},
	},
	{
		name: "Nix",
		output: `error: builder for '/nix/store/abc-app-1.0.drv' failed with exit code 2;
       last 3 log lines:
       > building
       > src/main.c:3:2: error: expected ';' before 'return'
       > make: *** [Makefile:2: app] Error 1
       For full logs, run 'nix log /nix/store/abc-app-1.0.drv'.
`,
		want:  []string{"builder for '/nix/store/abc-app-1.0.drv' failed", "src/main.c:3:2: error: expected ';'"},
		never: []string{"nix log"},
	},
	{
		name: "Vault",
		output: `Error reading kv/data/ci: Error making API request.

URL: GET https://vault.example.com/v1/kv/data/ci
Code: 403. Errors:

* 1 error occurred:
	* permission denied
`,
		want: []string{"Error making API request", "Code: 403. Errors:", "permission denied"},
	},
	{
		name: "LaTeX",
		output: `(./thesis.tex (./chapters/intro.tex
! Missing $ inserted.
<inserted text> 
                $
l.42 The value a_
                 b is
! Emergency stop.
!  ==> Fatal error occurred, no output PDF file produced!
`,
		want: []string{"! Missing $ inserted.", "l.42 The value a_"},
	},
}

func TestOpsKinds(t *testing.T) { testKindsOfOutput(t, opsKinds) }

// testKindsOfOutput reports what is not shown of each output, or shown and should not be.
func testKindsOfOutput(t *testing.T, kinds []kindOfOutput) {
	t.Helper()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			shown := strings.Join(shownOf(t, "$ ./test\n"+strings.Repeat("doing something\n", 12)+kind.output), "\n")
			has := func(text string) bool { return strings.Contains(shown, text) }
			for _, text := range kind.want {
				if !has(text) {
					t.Errorf("%q is not in\n%s", text, shown)
				}
			}
			if i := slices.IndexFunc(kind.never, has); i >= 0 {
				t.Errorf("%q is in\n%s", kind.never[i], shown)
			}
		})
	}
}
