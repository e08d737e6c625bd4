package joblog_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/gitlabci/joblog"
)

// A kindOfFailure is the output of a tool.
type kindOfFailure struct {
	name   string
	output string
	want   []string // what the lines shown have
	never  []string // what they have not
}

// scriptKinds are outputs of versions and tools that the corpus lacks.
var scriptKinds = []kindOfFailure{
	{
		name: "pytest --tb=native",
		output: `=================================== FAILURES ===================================
_________________________________ test_total __________________________________
Traceback (most recent call last):
  File "/usr/lib/python3.12/site-packages/_pytest/runner.py", line 341, in from_call
    result: TResult | None = func()
  File "/builds/group/app/tests/test_app.py", line 6, in test_total
    assert total([1, 2]) == 4
AssertionError: assert 3 == 4
 +  where 3 = total([1, 2])
---------------------------- Captured stderr call -----------------------------
Traceback (most recent call last):
  File "x.py", line 1, in <module>
ValueError: expected by the test
`,
		want:  []string{"test_total", "AssertionError: assert 3 == 4", `tests/test_app.py", line 6`},
		never: []string{"expected by the test", "_pytest/runner.py"},
	},
	{
		name: "pytest-sugar",
		output: `――――――――――――――――――――――――――――――――――― test_total ―――――――――――――――――――――――――――――――――――

    def test_total():
>       assert 3 == 4
E       assert 3 == 4

tests/test_app.py:6: AssertionError
`,
		want: []string{"test_total", "assert 3 == 4", "tests/test_app.py:6"},
	},
	{
		name: "pytest with a missing fixture",
		output: `==================================== ERRORS ====================================
_________________________ ERROR at setup of test_list __________________________
file /builds/group/app/tests/test_api.py, line 3
  def test_list(clint):
E       fixture 'clint' not found
>       available fixtures: cache, capfd, client
>       use 'pytest --fixtures [testpath]' for help on them.

/builds/group/app/tests/test_api.py:3
=========================== short test summary info ============================
ERROR tests/test_api.py::test_list
`,
		want: []string{"tests/test_api.py::test_list", "fixture 'clint' not found"},
	},
	{
		name: "an exception that was only reported",
		output: `--- Logging error ---
Traceback (most recent call last):
  File "/usr/lib/python3.11/logging/__init__.py", line 1110, in emit
    msg = self.format(record)
TypeError: not all arguments converted during string formatting
Call stack:
  File "/builds/group/app/run.py", line 4, in <module>
    logging.info("a", 1)
Message: 'a'
Arguments: (1,)
Exception ignored in: <function Pool.__del__ at 0x7f>
Traceback (most recent call last):
  File "/builds/group/app/pool.py", line 9, in __del__
    self.close()
AttributeError: 'Pool' object has no attribute 'sock'
Traceback (most recent call last):
  File "/builds/group/app/run.py", line 7, in <module>
    main()
KeyError: 'region'
`,
		want:  []string{"KeyError: 'region'"},
		never: []string{"TypeError", "AttributeError"},
	},
	{
		name: "an exception that the program survived",
		output: `[12:43:46] ERROR    batch 3 could not be synced
Traceback (most recent call last):
  File "/builds/group/app/job.py", line 5, in sync
    raise RuntimeError("upstream said 503")
RuntimeError: upstream said 503
` + strings.Repeat("[12:43:47] INFO     batch done, 0 failed\n", 30) + `[12:43:48] CRITICAL giving up on one batch
`,
		want:  []string{"RuntimeError: upstream said 503", "giving up on one batch"},
		never: []string{"batch done"},
	},
	{
		name: "an exception with several lines",
		output: `Traceback (most recent call last):
  File "/builds/group/app/settings.py", line 9, in <module>
    s = Settings()
        ^^^^^^^^^^
  File "/usr/local/lib/python3.12/site-packages/pydantic_settings/main.py", line 84, in __init__
    super().__init__(
pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings
db_url
  Field required [type=missing, input_value={}, input_type=dict]
    For further information visit https://errors.pydantic.dev/2.6/v/missing
`,
		want: []string{"1 validation error for Settings", "db_url", "Field required"},
	},
	{
		name: "pytest with an unknown marker",
		output: `==================================== ERRORS ====================================
__________________________ ERROR collecting test_m.py __________________________
'slowest' not found in ` + "`markers`" + ` configuration option
=========================== short test summary info ============================
ERROR test_m.py
!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!
1 error in 0.12s
`,
		want: []string{"'slowest' not found in `markers`", "test_m.py"},
	},
	{
		name: "pytest with a plugin that fails",
		output: `INTERNALERROR> Traceback (most recent call last):
INTERNALERROR>   File "/usr/lib/python3/dist-packages/_pytest/main.py", line 270, in wrap_session
INTERNALERROR>     session.exitstatus = doit(config, session) or 0
INTERNALERROR>   File "/builds/group/app/conftest.py", line 2, in pytest_collection_modifyitems
INTERNALERROR>     raise KeyError("no such suite: nightly")
INTERNALERROR> KeyError: 'no such suite: nightly'

============================ no tests ran in 0.01s =============================
`,
		want:  []string{"KeyError: 'no such suite: nightly'", `conftest.py", line 2`},
		never: []string{"wrap_session"},
	},
	{
		name: "pip with a conflict",
		output: `ERROR: Cannot install lib-a==1.0 and lib-b==1.0 because these package versions have conflicting dependencies.

The conflict is caused by:
    lib-a 1.0 depends on lib-c<2
    lib-b 1.0 depends on lib-c>=2

To fix this you could try to:
1. loosen the range of package versions you've specified

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/
`,
		want:  []string{"Cannot install lib-a==1.0", "lib-b 1.0 depends on lib-c>=2"},
		never: []string{"loosen the range"},
	},
	{
		name: "rake behind a compiler",
		output: `ruby -c broken.rb
broken.rb:2: syntax error, unexpected integer literal, expecting ')'
rake aborted!
Command failed with status (1): [ruby -c broken.rb...]
/builds/group/app/Rakefile:1:in ` + "`block in <top (required)>'" + `
Tasks: TOP => build => lint
(See full trace by running task with --trace)
`,
		want:  []string{"broken.rb:2: syntax error"},
		never: []string{"See full trace"},
	},
	{
		name: "ruff",
		output: "F401 [*] `os` imported but unused\n --> shop/cart.py:1:8\n  |\n1 | import os\n  |        ^^\n  |\nhelp: Remove unused import: `os`\n\n" +
			"Found 1 error.\n[*] 1 fixable with the `--fix` option.\n",
		want: []string{"F401 [*] `os` imported but unused", "shop/cart.py:1:8"},
	},
	{
		name: "tox 4",
		output: `py311: commands[0]> pytest -q
ERROR: file or directory not found: tests/test_x.py

py311: exit 4 (0.21 seconds) /builds/group/app> pytest -q pid=71
lint: OK ✔ in 0.31 seconds
  py311: FAIL code 4 (0.24=setup[0.03]+cmd[0.21] seconds)
  lint: OK (0.31=setup[0.02]+cmd[0.29] seconds)
  evaluation failed :( (0.60 seconds)
`,
		want:  []string{"file or directory not found: tests/test_x.py", "py311: FAIL code 4"},
		never: []string{"lint: OK"},
	},
	{
		name: "pre-commit",
		output: `trim trailing whitespace.................................................Passed
fix end of files.........................................................Failed
- hook id: end-of-file-fixer
- exit code: 1
- files were modified by this hook

Fixing README.md

mypy.....................................................................Passed
check for added large files..............................................Passed
black....................................................................Passed
isort....................................................................Passed
bandit...................................................................Passed
`,
		want: []string{"fix end of files", "hook id: end-of-file-fixer"},
	},
	{
		name: "Robot Framework",
		output: `==============================================================================
Login
==============================================================================
Valid Login                                                           | PASS |
------------------------------------------------------------------------------
Wrong Password                                                        | FAIL |
Element 'id:error' did not appear in 5 seconds.
------------------------------------------------------------------------------
Login                                                                 | FAIL |
2 tests, 1 passed, 1 failed
==============================================================================
Output:  /builds/group/app/output.xml
`,
		want:  []string{"Wrong Password", "Element 'id:error' did not appear"},
		never: []string{"Valid Login"},
	},
	{
		name: "Django's checks",
		output: `SystemCheckError: System check identified some issues:

ERRORS:
shop.Order.customer: (fields.E300) Field defines a relation with model 'Customer', which is either not installed, or is abstract.
shop.Order.customer: (fields.E307) The field shop.Order.customer was declared with a lazy reference to 'shop.customer'.

System check identified 2 issues (0 silenced).
`,
		want: []string{"fields.E300", "SystemCheckError"},
	},
	{
		name: "an exception of Ruby 3.4",
		output: `cart.rb:3:in 'Integer#/': divided by 0 (ZeroDivisionError)
	from cart.rb:3:in 'Cart#share'
	from cart.rb:7:in '<main>'
`,
		want: []string{"cart.rb:3:in 'Integer#/': divided by 0 (ZeroDivisionError)"},
	},
	{
		name: "a syntax error of Ruby 3.4",
		output: `cart.rb:3: --> cart.rb
expected a ` + "`end`" + ` to close the block
cart.rb:5: syntax error found (SyntaxError)
  3 |   [1, 2].each do |x|
  4 |     puts x
> 5 |   )
    |   ^ unexpected ')', ignoring it
`,
		want: []string{"cart.rb:5: syntax error found", "unexpected ')'"},
	},
	{
		name: "an exception at a terminal of Ruby 2.7",
		output: `Traceback (most recent call last):
	1: from report.rb:9:in ` + "`<main>'" + `
report.rb:4:in ` + "`fetch'" + `: key not found: :total (KeyError)
`,
		want: []string{"report.rb:4:in `fetch': key not found: :total (KeyError)"},
	},
	{
		name: "tests of Rails",
		output: `Running 3 tests in a single process (parallelization threshold is 50)
..F

Failure:
OrdersControllerTest#test_should_get_index [test/controllers/orders_controller_test.rb:6]:
Expected response to be a <2XX: success>, but was a <500: Internal Server Error>

bin/rails test test/controllers/orders_controller_test.rb:4

Finished in 0.3s, 10.0 runs/s, 10.0 assertions/s.
3 runs, 3 assertions, 1 failures, 0 errors, 0 skips
`,
		want: []string{"OrdersControllerTest#test_should_get_index", "Expected response to be a <2XX: success>"},
	},
	{
		name: "RSpec with pending examples",
		output: `Pending: (Failures listed here are expected and do not affect your suite's status)

  1) Cart fails for now
     # Known bug
     Failure/Error: expect(1).to eq 2

       expected: 2
            got: 1
     # ./spec/cart_spec.rb:4:in 'block (2 levels) in <top (required)>'

Failures:

  1) Cart adds
     Failure/Error: expect(cart.total).to eq(3)

       expected: 3
            got: 2

       (compared using ==)
     # ./spec/cart_spec.rb:9:in 'block (2 levels) in <top (required)>'

Finished in 0.01 seconds (files took 0.1 seconds to load)
2 examples, 1 failure, 1 pending

Failed examples:

rspec ./spec/cart_spec.rb:8 # Cart adds
`,
		want:  []string{"Cart adds", "expected: 3", "spec/cart_spec.rb:9"},
		never: []string{"fails for now", "expected: 2"},
	},
	{
		name: "bundler with other Ruby",
		output: `Your Ruby version is 3.1.2, but your Gemfile specified 3.3.0
`,
		want: []string{"Your Ruby version is 3.1.2, but your Gemfile specified 3.3.0"},
	},
	{
		name: "PHPUnit 10",
		output: `PHPUnit 10.5.5 by Sebastian Bergmann and contributors.

Runtime:       PHP 8.3.1
Configuration: /builds/group/app/phpunit.xml

..F                                                                 3 / 3 (100%)

Time: 00:00.011, Memory: 8.00 MB

There was 1 failure:

1) Tests\CartTest::testTotal with data set #1 (3, 4)
Failed asserting that 3 matches expected 4.

/builds/group/app/tests/CartTest.php:12

--

There was 1 skipped test:

1) Tests\CartTest::testLater
fails without a database

/builds/group/app/tests/CartTest.php:20

FAILURES!
Tests: 3, Assertions: 3, Failures: 1, Skipped: 1.
`,
		want:  []string{`Tests\CartTest::testTotal with data set #1 (3, 4)`, "Failed asserting that 3 matches expected 4."},
		never: []string{"fails without a database"},
	},
	{
		name: "Pest",
		output: `   FAIL  Tests\Unit\CartTest
  ✓ it is empty                                                          0.01s
  ⨯ it adds                                                              0.02s
  ────────────────────────────────────────────────────────────────────────────
   FAILED  Tests\Unit\CartTest > it adds
  Failed asserting that 3 is identical to 4.

  at tests/Unit/CartTest.php:9
      5▕ it('adds', function () {
  ➜   9▕     expect(cart()->total())->toBe(4);

  Tests:    1 failed, 1 passed (2 assertions)
  Duration: 0.11s
`,
		want: []string{`Tests\Unit\CartTest > it adds`, "Failed asserting that 3 is identical to 4."},
	},
	{
		name: "PHPStan",
		output: ` ------ -----------------------------------------------------------------------
  Line   src/Cart.php
 ------ -----------------------------------------------------------------------
  12     Method App\Cart::total() should return int but returns string.
         🪪  return.type
  20     Undefined variable: $sum
 ------ -----------------------------------------------------------------------

 [ERROR] Found 2 errors
`,
		want: []string{"src/Cart.php", "should return int but returns string", "Undefined variable: $sum"},
	},
	{
		name: "composer cannot resolve a host",
		output: `Loading composer repositories with package information
Updating dependencies
curl error 6 while downloading https://packages.example.com/packages.json: Could not resolve host: packages.example.com
`,
		want: []string{"Could not resolve host: packages.example.com"},
	},
	{
		name: "bats",
		output: `1..2
ok 1 prints help
not ok 2 fails without a file
# (in test file test/cli.bats, line 9)
#   ` + "`[ \"$status\" -eq 2 ]'" + ` failed
`,
		want:  []string{"not ok 2 fails without a file", "test/cli.bats, line 9"},
		never: []string{"prints help"},
	},
	{
		name: "TAP with what is to be done",
		output: `ok 1 - reads
not ok 2 - writes # TODO not yet
not ok 3 - closes
#   Failed test 'closes'
#   at t/io.t line 12.
1..3
`,
		want:  []string{"closes", "t/io.t line 12"},
		never: []string{"writes"},
	},
	{
		name: "Elixir 1.16",
		output: `Compiling 1 file (.ex)
    error: undefined variable "itms"
    │
  2 │   def total(items), do: Enum.sum(itms)
    │                                  ^^^^
    │
    └─ lib/shop.ex:2:34: Shop.total/1


== Compilation error in file lib/shop.ex ==
** (CompileError) lib/shop.ex: cannot compile module Shop (errors have been logged)
`,
		want: []string{`error: undefined variable "itms"`, "lib/shop.ex:2:34"},
	},
	{
		name: "dune",
		output: `File "bin/main.ml", line 3, characters 4-9:
3 | let x = 1 in
        ^^^^^
Error (warning 26 [unused-var]): unused variable x.
`,
		want: []string{`File "bin/main.ml", line 3`, "unused variable x"},
	},
	{
		name: "GHC 9.4",
		output: `[1 of 2] Compiling Cart             ( src/Cart.hs, Cart.o )

src/Cart.hs:8:15: error: [GHC-88464]
    Variable not in scope: totl :: [a0] -> a1
  |
8 | main = print (totl [1, 2])
  |               ^^^^
Error: cabal: Failed to build app-0.1.0.0.
`,
		want: []string{"src/Cart.hs:8:15: error", "Variable not in scope: totl"},
	},
	{
		name: "Dart",
		output: `00:00 +0: loading test/cart_test.dart
00:01 +1 -1: cart adds [E]
  Expected: <4>
    Actual: <3>
  package:matcher     expect
  test/cart_test.dart 6:5  main.<fn>

00:01 +1 -1: Some tests failed.
`,
		want: []string{"cart adds [E]", "Expected: <4>", "Actual: <3>"},
	},
	{
		name: "Flutter",
		output: `00:02 +1: shows title
══╡ EXCEPTION CAUGHT BY FLUTTER TEST FRAMEWORK ╞════════════════════════════════════════════════════
The following TestFailure was thrown running a test:
Expected: exactly one matching candidate
  Actual: _TextWidgetFinder:<Found 0 widgets with text "1": []>
   Which: means none were found but one was expected

When the exception was thrown, this was the stack:
#0      fail (package:matcher/src/expect/expect.dart:149:31)
#4      main.<anonymous closure> (file:///builds/group/app/test/widget_test.dart:20:5)

The test description was:
  counter increments
════════════════════════════════════════════════════════════════════════════════════════════════════
00:03 +1 -1: counter increments [E]
  Test failed. See exception logs above.
  The test description was: counter increments

00:03 +1 -1: Some tests failed.
`,
		want:  []string{"Expected: exactly one matching candidate", "Which: means none were found", "widget_test.dart:20:5", "counter increments [E]"},
		never: []string{"EXCEPTION CAUGHT", "expect.dart:149"},
	},
	{
		name: "Julia",
		output: `adds: Test Failed at /builds/group/app/test/runtests.jl:5
  Expression: total([1, 2]) == 4
   Evaluated: 3 == 4
Stacktrace:
 [1] macro expansion
ERROR: LoadError: Some tests did not pass: 3 passed, 1 failed, 0 errored, 0 broken.
`,
		want: []string{"Test Failed at /builds/group/app/test/runtests.jl:5", "Evaluated: 3 == 4"},
	},
}

func TestScriptKinds(t *testing.T) {
	for _, kind := range slices.Concat(scriptKinds, packageKinds, jsKinds) {
		t.Run(kind.name, func(t *testing.T) {
			log := "section_start:1:step_script\r\x1b[0KExecuting\n$ ./test\n" + strings.Repeat("doing something\n", 12) + kind.output +
				"section_end:2:step_script\r\x1b[0KERROR: Job failed: exit code 1\n"
			summary, err := joblog.Summarize(strings.NewReader(log))
			if err != nil {
				t.Fatal(err)
			}
			lines := summary.Lines()
			shown := strings.Join(lines, "\n")
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
