package joblog_test

import "testing"

// jvmKinds are outputs of the JVM's tools, of .NET and of Apple's, in versions and modes
// that the corpus lacks.
var jvmKinds = []kindOfOutput{
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
}

func TestJVMKinds(t *testing.T) { testKindsOfOutput(t, jvmKinds) }
