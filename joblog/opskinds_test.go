package joblog_test

import (
	"slices"
	"strings"
	"testing"
)

// opsKinds are outputs of the JVM's tools, of .NET, of Apple's and of infrastructure, in
// versions and modes that the corpus lacks.
var opsKinds = []struct {
	name   string
	output string
	want   []string // what the lines shown have
	never  []string // what they have not
}{
	{
		name: "gradle 8 with Kotlin",
		output: `> Task :checkKotlinGradlePluginConfigurationErrors
> Task :compileKotlin FAILED
w: file:///builds/group/app/src/main/kotlin/A.kt:2:5 Variable 'error' is never used
e: file:///builds/group/app/src/main/kotlin/Price.kt:12:24 Unresolved reference: roundd
e: /builds/group/app/src/main/kotlin/Old.kt: (4, 29): Type mismatch: inferred type is Int but String was expected

[Incubating] Problems report is available at: file:///builds/group/app/build/reports/problems/problems-report.html

FAILURE: Build failed with an exception.

* What went wrong:
Execution failed for task ':compileKotlin'.
> A failure occurred while executing org.jetbrains.kotlin.compilerRunner.GradleCompilerRunnerWithWorkers$GradleKotlinCompilerWorkAction
   > Compilation error. See log for more details

* Try:
> Run with --stacktrace option to get the stack trace.
> Run with --scan to get full insights.

BUILD FAILED in 12s
3 actionable tasks: 1 executed, 2 up-to-date
`,
		want:  []string{"Price.kt:12:24 Unresolved reference", "Old.kt: (4, 29): Type mismatch", "Execution failed for task ':compileKotlin'"},
		never: []string{"never used", "BUILD FAILED", "scan", "Problems report", "actionable"},
	},
	{
		name: "gradle 8 with JUnit 5",
		output: `> Task :test

PriceTest > rounds() FAILED
    org.opentest4j.AssertionFailedError: expected: <12.50> but was: <12.5>
        at app//org.junit.jupiter.api.AssertionFailureBuilder.build(AssertionFailureBuilder.java:151)
        at app//com.acme.PriceTest.rounds(PriceTest.java:17)

PriceTest > addsTax() PASSED

WebTest > initializationError FAILED
    java.lang.IllegalStateException at DefaultCacheAwareContextLoaderDelegate.java:98
        Caused by: org.springframework.beans.factory.BeanCreationException at AutowiredAnnotationBeanPostProcessor.java:515

7 tests completed, 2 failed, 1 skipped

> Task :test FAILED

FAILURE: Build failed with an exception.
`,
		want:  []string{"PriceTest > rounds() FAILED", "expected: <12.50> but was: <12.5>", "PriceTest.java:17", "WebTest > initializationError FAILED", "BeanCreationException"},
		never: []string{"PASSED", "AssertionFailureBuilder.java"},
	},
	{
		name: "gradle --debug",
		output: `2024-01-31T11:52:55.100+0100 [INFO] [org.gradle.internal.operations.DefaultBuildOperationRunner] Completing Build operation 'Task :test' with an error
2024-01-31T11:52:55.141+0100 [ERROR] [org.gradle.internal.buildevents.BuildExceptionReporter]
2024-01-31T11:52:55.141+0100 [ERROR] [org.gradle.internal.buildevents.BuildExceptionReporter] FAILURE: Build failed with an exception.
2024-01-31T11:52:55.141+0100 [ERROR] [org.gradle.internal.buildevents.BuildExceptionReporter] * What went wrong:
2024-01-31T11:52:55.141+0100 [ERROR] [org.gradle.internal.buildevents.BuildExceptionReporter] Execution failed for task ':release'.
2024-01-31T11:52:55.141+0100 [ERROR] [org.gradle.internal.buildevents.BuildExceptionReporter] > Error executing git: No user exists for uid 503
2024-01-31T11:52:55.141+0100 [ERROR] [org.gradle.internal.buildevents.BuildExceptionReporter] * Exception is:
2024-01-31T11:52:55.141+0100 [ERROR] [org.gradle.internal.buildevents.BuildExceptionReporter] org.gradle.api.tasks.TaskExecutionException: Execution failed for task ':release'.
2024-01-31T11:52:55.141+0100 [ERROR] [org.gradle.internal.buildevents.BuildExceptionReporter] 	at org.gradle.api.internal.tasks.execution.ExecuteActionsTaskExecuter.lambda$executeIfValid$1(ExecuteActionsTaskExecuter.java:130)
2024-01-31T11:52:55.141+0100 [ERROR] [org.gradle.internal.buildevents.BuildExceptionReporter] BUILD FAILED in 3s
`,
		want:  []string{"Execution failed for task ':release'", "No user exists for uid 503"},
		never: []string{"lambda$executeIfValid"},
	},
	{
		name: "gradle with two failures",
		output: `FAILURE: Build completed with 2 failures.

1: Task failed with an exception.
-----------
* What went wrong:
Execution failed for task ':app:lintDebug'.
> Lint found errors in the project; aborting build.

* Try:
> Run with --info or --debug option to get more log output.
==============================================================================

2: Task failed with an exception.
-----------
* Where:
Script '/builds/group/app/gradle/publish.gradle' line: 31

* What went wrong:
Could not resolve all artifacts for configuration ':classpath'.
> Could not resolve com.android.tools.build:gradle:8.9.
  Required by:
      project :
   > Could not GET 'https://repo.example.com/gradle-8.9.pom'. Received status code 401 from server: Unauthorized

* Try:
> Run with --stacktrace option to get the stack trace.
`,
		want:  []string{"':app:lintDebug'", "Lint found errors", "publish.gradle' line: 31", "status code 401"},
		never: []string{"stack trace", "Required by"},
	},
	{
		name: "maven 3.9, surefire 3",
		output: `[INFO] Running com.acme.PriceTest
[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.052 s <<< FAILURE! -- in com.acme.PriceTest
[ERROR] com.acme.PriceTest.rounds -- Time elapsed: 0.006 s <<< FAILURE!
org.opentest4j.AssertionFailedError: expected: <12.50> but was: <12.5>
	at org.junit.jupiter.api.AssertionFailureBuilder.build(AssertionFailureBuilder.java:151)
	at com.acme.PriceTest.rounds(PriceTest.java:17)

[INFO] 
[INFO] Results:
[INFO] 
[ERROR] Failures: 
[ERROR]   PriceTest.rounds:17 expected: <12.50> but was: <12.5>
[INFO] 
[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0
[INFO] BUILD FAILURE
[ERROR] Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin:3.2.5:test (default-test) on project app: 
[ERROR] 
[ERROR] See /builds/group/app/target/surefire-reports for the individual test results.
[ERROR] There was a timeout or other error in the fork
[ERROR] -> [Help 1]
`,
		want:  []string{"com.acme.PriceTest.rounds -- Time", "expected: <12.50> but was: <12.5>", "PriceTest.java:17"},
		never: []string{"Running", "individual test results", "[Help 1]"},
	},
	{
		name: "maven with a summary alone",
		output: `[INFO] Results:
[INFO]
[ERROR] Failures:
[ERROR]   PriceTest.rounds:17 expected: <12.50> but was: <12.5>
[ERROR] Errors:
[ERROR]   StoreTest.opens:8->connect:31 » Connect Connection refused
[INFO]
[ERROR] Tests run: 9, Failures: 1, Errors: 1, Skipped: 0
`,
		want: []string{"PriceTest.rounds:17 expected", "StoreTest.opens:8->connect:31 » Connect Connection refused"},
	},
	{
		name: "checkstyle, PMD and JaCoCo in maven",
		output: `[INFO] --- maven-checkstyle-plugin:3.3.1:check (default) @ app ---
[WARNING] src/main/java/com/acme/A.java:[12,5] (imports) UnusedImports: Unused import - java.io.File.
[ERROR] src/main/java/com/acme/B.java:[3,1] (whitespace) FileTabCharacter: Line contains a tab character.
[INFO] PMD Failure: com.acme.C:14 Rule:UnusedPrivateField Priority:3 Avoid unused private fields such as 'x'.
[WARNING] Rule violated for bundle app: lines covered ratio is 0.40, but expected minimum is 0.80
[INFO] BUILD FAILURE
[ERROR] Failed to execute goal org.jacoco:jacoco-maven-plugin:0.8.11:check (check) on project app: Coverage checks have not been met. See log for details. -> [Help 1]
`,
		want:  []string{"B.java:[3,1]", "com.acme.C:14", "expected minimum is 0.80"},
		never: []string{"[Help 1]", "BUILD FAILURE"},
	},
	{
		name: "a Spring Boot application",
		output: `2026-05-01T10:00:00.000Z  INFO 1 --- [main] c.acme.App : Starting App using Java 21
2026-05-01T10:00:02.000Z ERROR 1 --- [main] o.s.b.d.LoggingFailureAnalysisReporter   :

***************************
APPLICATION FAILED TO START
***************************

Description:

Web server failed to start. Port 8080 was already in use.

Action:

Identify and stop the process that's listening on port 8080 or configure this application to listen on another port.
`,
		want:  []string{"APPLICATION FAILED TO START", "Port 8080 was already in use"},
		never: []string{"Identify and stop"},
	},
	{
		name: "sbt",
		output: `[info] compiling 2 Scala sources to /builds/group/app/target/scala-3.3.1/classes ...
[error] -- [E007] Type Mismatch Error: /builds/group/app/src/main/scala/Main.scala:2:38
[error] 2 |  def total(xs: List[Int]): String = xs.sum
[error]   |                                     ^^^^^^
[error]   |                                     Found:    Int
[error]   |                                     Required: String
[error] one error found
[error] (Compile / compileIncremental) Compilation failed
[error] Total time: 4 s, completed May 1, 2026, 10:00:00 AM
`,
		want: []string{"Type Mismatch Error", "Main.scala:2:38", "Found:    Int"},
	},
	{
		name: "scalatest",
		output: `[info] CartSpec:
[info] - should add *** FAILED ***
[info]   5 did not equal 6 (CartSpec.scala:12)
[info] - should remove
[error] Failed tests:
[error] 	com.acme.CartSpec
[error] (Test / test) sbt.TestsFailedException: Tests unsuccessful
`,
		want:  []string{"should add *** FAILED ***", "5 did not equal 6 (CartSpec.scala:12)"},
		never: []string{"should remove"},
	},
	{
		name: "dotnet build",
		output: `  Determining projects to restore...
/builds/group/app/src/App/Program.cs(12,5): error CS0103: The name 'totl' does not exist in the current context [/builds/group/app/src/App/App.csproj]
/builds/group/app/src/App/Old.cs(3,9): warning CS0168: The variable 'error' is declared but never used [/builds/group/app/src/App/App.csproj]
/builds/group/app/src/Lib/Lib.csproj : error NU1101: Unable to find package Acme.Core. No packages exist with this id in source(s): nuget.org

Build FAILED.

/builds/group/app/src/App/Program.cs(12,5): error CS0103: The name 'totl' does not exist in the current context [/builds/group/app/src/App/App.csproj]
    1 Warning(s)
    2 Error(s)

Time Elapsed 00:00:04.12
`,
		want:  []string{"Program.cs(12,5): error CS0103", "error NU1101: Unable to find package Acme.Core"},
		never: []string{"CS0168", "Time Elapsed", "Warning(s)"},
	},
	{
		name: "dotnet test",
		output: `Test run for /builds/group/app/bin/Debug/net8.0/App.Tests.dll (.NETCoreApp,Version=v8.0)
  Passed App.Tests.PriceTests.AddsTax [2 ms]
[xUnit.net 00:00:00.61]     App.Tests.PriceTests.Rounds [FAIL]
  Failed App.Tests.PriceTests.Rounds [12 ms]
  Error Message:
   Assert.Equal() Failure: Values differ
Expected: 12.50
Actual:   12.5
  Stack Trace:
     at App.Tests.PriceTests.Rounds() in /builds/group/app/tests/PriceTests.cs:line 17
     at System.RuntimeMethodHandle.InvokeMethod(Object target, Void** arguments)

Failed!  - Failed:     1, Passed:     1, Skipped:     0, Total:     2, Duration: 20 ms - App.Tests.dll (net8.0)
`,
		want:  []string{"Failed App.Tests.PriceTests.Rounds", "Assert.Equal() Failure", "PriceTests.cs:line 17", "Actual:   12.5"},
		never: []string{"Passed App", "InvokeMethod"},
	},
	{
		name: "an exception of .NET",
		output: `Unhandled exception. System.InvalidOperationException: Connection string is missing
 ---> System.Collections.Generic.KeyNotFoundException: The given key 'Db' was not present in the dictionary.
   at App.Settings.Get(String key) in /builds/group/app/src/Settings.cs:line 31
   at App.Program.Main() in /builds/group/app/src/Program.cs:line 9
Aborted (core dumped)
`,
		want: []string{"System.InvalidOperationException: Connection string is missing", "The given key 'Db' was not present", "Settings.cs:line 31"},
	},
	{
		name: "xcodebuild",
		output: `CompileSwift normal arm64 /builds/group/app/App/View.swift
/builds/group/app/App/View.swift:12:9: error: cannot find 'titel' in scope
        titel = "x"
        ^~~~~
Test Case '-[AppTests.CartTests testAdds]' passed (0.001 seconds).
/builds/group/app/Tests/CartTests.swift:20: error: -[AppTests.CartTests testTotal] : XCTAssertEqual failed: ("3") is not equal to ("4")
Test Case '-[AppTests.CartTests testTotal]' failed (0.003 seconds).
** TEST FAILED **


The following build commands failed:
	CompileSwift normal arm64 /builds/group/app/App/View.swift
(1 failure)
`,
		want:  []string{"View.swift:12:9: error: cannot find 'titel' in scope", "XCTAssertEqual failed"},
		never: []string{"passed"},
	},
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
		name: "an Android build",
		output: `FAILURE: Build failed with an exception.

* What went wrong:
Execution failed for task ':app:mergeDebugResources'.
> A failure occurred while executing com.android.build.gradle.internal.res.ResourceCompilerRunnable
   > Resource compilation failed (Failed to compile values resource file. Cause: java.lang.IllegalStateException: Can not extract resource).
     ERROR:/builds/group/app/app/src/main/res/values/strings.xml:12: AAPT: error: unescaped apostrophe in string

* Try:
> Run with --stacktrace option to get the stack trace.
`,
		want: []string{"':app:mergeDebugResources'", "Resource compilation failed", "strings.xml:12: AAPT: error"},
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

func TestOpsKinds(t *testing.T) {
	for _, kind := range opsKinds {
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
