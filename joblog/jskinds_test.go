package joblog_test

// jsKinds are outputs of versions and tools that the corpus lacks.
var jsKinds = []kindOfFailure{
	{
		name: "jest 29 with a threshold",
		output: `PASS src/a.test.js
Jest: "global" coverage threshold for branches (80%) not met: 12.5%
Jest: "./src/api.js" coverage threshold for lines (90%) not met: 40%
Test Suites: 1 passed, 1 total
Tests:       1 passed, 1 total
`,
		want:  []string{`"global" coverage threshold for branches (80%) not met: 12.5%`, `"./src/api.js"`},
		never: []string{"1 passed"},
	},
	{
		name: "jest with projects and a message of several lines",
		output: `PASS  unit  src/errors.test.js
FAIL unit src/cart.test.js (5.123 s)
  Cart
    ✓ reports failed payments (3 ms)
    ✕ adds items (12 ms)

  ● Cart › adds items

    TestingLibraryElementError: Unable to find an element with the text: Total. This could be because the text is broken up by multiple elements.

    Ignored nodes: comments, script, style
    <body>
      <div />
    </body>

      20 |   render(<Cart />);
    > 21 |   screen.getByText('Total');
         |          ^
      22 | });

      at Object.getElementError (node_modules/@testing-library/dom/dist/config.js:37:19)
      at Object.getByText (src/cart.test.js:21:10)

Tests:       1 failed, 10 passed, 11 total
`,
		want:  []string{"Cart › adds items", "Unable to find an element with the text: Total", "src/cart.test.js:21:10"},
		never: []string{"reports failed payments", "config.js:37"},
	},
	{
		name: "cypress",
		output: `  Running:  login.cy.js                                                                     (1 of 1)


  login
    ✓ shows an error for a bad password (1234ms)
    1) logs in


  1 passing (12s)
  1 failing

  1) login
       logs in:
     AssertionError: Timed out retrying after 4000ms: Expected to find element: ` + "`[data-test=menu]`" + `, but never found it.
      at Context.eval (webpack://app/./cypress/e2e/login.cy.js:12:8)




  (Results)

  ┌────────────────────────────────────────────────────────────────────────────────────────────────┐
  │ Tests:        2                                                                                │
  │ Failing:      1                                                                                │
  └────────────────────────────────────────────────────────────────────────────────────────────────┘
  (Run Finished)
  │ ✖  login.cy.js                              00:12        2        1        1        -        - │
    ✖  1 of 1 failed (100%)                     00:12        2        1        1        -        -
`,
		want:  []string{"logs in:", "Expected to find element: `[data-test=menu]`", "login.cy.js:12:8"},
		never: []string{"shows an error"},
	},
	{
		name: "playwright with projects",
		output: `Running 2 tests using 1 worker
  ✓  1 [chromium] › e2e/error.spec.ts:3:1 › shows the error page (1.2s)
  ✘  2 [webkit] › e2e/cart.spec.ts:8:5 › cart › totals (30.1s)


  1) [webkit] › e2e/cart.spec.ts:8:5 › cart › totals ───────────────────────────────────────────────

    Test timeout of 30000ms exceeded.

    Error: locator.click: Test timeout of 30000ms exceeded.
    Call log:
      - waiting for getByRole('button', { name: 'Pay' })

      10 |     await page.goto('/cart');
    > 11 |     await page.getByRole('button', { name: 'Pay' }).click();
         |                                                     ^
        at /builds/group/app/e2e/cart.spec.ts:11:53

    attachment #1: screenshot (image/png) ──────────────────────────────────────────────────────────
    test-results/cart-totals-webkit/test-failed-1.png
    ────────────────────────────────────────────────────────────────────────────────────────────────

  1 failed
    [webkit] › e2e/cart.spec.ts:8:5 › cart › totals ────────────────────────────────────────────────
  1 passed (32.0s)
`,
		want:  []string{"[webkit] › e2e/cart.spec.ts:8:5 › cart › totals", "locator.click: Test timeout of 30000ms exceeded", "waiting for getByRole"},
		never: []string{"shows the error page", "test-failed-1.png"},
	},
	{
		name: "Create React App",
		output: `Creating an optimized production build...

Treating warnings as errors because process.env.CI = true.
Most CI servers set it automatically.

Failed to compile.

[eslint]
src/App.js
  Line 3:10:  'useState' is defined but never used  no-unused-vars

`,
		want: []string{"Failed to compile.", "src/App.js", "Line 3:10:  'useState' is defined but never used"},
	},
	{
		name: "vue-cli",
		output: ` ERROR  Failed to compile with 1 error                                     10:00:00 AM

 error  in ./src/views/Home.vue?vue&type=script&lang=js&

Module not found: Error: Can't resolve '@/api/orders' in '/builds/group/app/src/views'

 @ ./src/views/Home.vue?vue&type=script&lang=js& 10:0-40 1:0-300
 @ ./src/main.js
 ERROR  Error: Build failed with errors.
Error: Build failed with errors.
    at /builds/group/app/node_modules/@vue/cli-service/lib/commands/build/index.js:207:23
`,
		want: []string{"./src/views/Home.vue", "Can't resolve '@/api/orders'"},
	},
	{
		name: "Angular 15",
		output: `- Generating browser application bundles (phase: setup)...
✖ Failed to generate application bundle.
./src/main.ts:3:0-43 - Error: Module not found: Error: Can't resolve './app/app.modul' in '/builds/group/app/src'

Error: src/app/app.component.ts:7:3 - error TS2322: Type 'number' is not assignable to type 'string'.

7   title: string = 3;
    ~~~~~

`,
		want: []string{"./src/main.ts:3:0-43", "Can't resolve './app/app.modul'", "src/app/app.component.ts:7:3 - error TS2322"},
	},
	{
		name: "Gatsby",
		output: `success Building production JavaScript and CSS bundles - 10.2s

 ERROR #98124  WEBPACK

Building static HTML failed

Can't resolve 'gatsby-plugin-imagee' in '/builds/group/app/src/pages'

File: src/pages/index.js

not finished Building HTML renderer - 3.1s
`,
		want: []string{"ERROR #98124", "Can't resolve 'gatsby-plugin-imagee'"},
	},
	{
		name: "Nuxt",
		output: `[nuxi] Nuxt 3.11.2 with Nitro 2.9.6
ℹ Building client...

 ERROR  [vite]: Rollup failed to resolve import "@/utils/money" from "/builds/group/app/pages/index.vue".
    at viteWarn (file:///builds/group/app/node_modules/vite/dist/node/chunks/dep.js:66855:27)
    at onwarn (file:///builds/group/app/node_modules/@nuxt/vite-builder/dist/index.mjs:99:7)

 ERROR  [vite]: Rollup failed to resolve import "@/utils/money" from "/builds/group/app/pages/index.vue".
`,
		want: []string{`Rollup failed to resolve import "@/utils/money"`},
	},
	{
		name: "webpack with fork-ts-checker",
		output: `asset main.js 1.2 MiB [emitted] (name: main)
ERROR in src/errors/index.ts:12:5
TS2741: Property 'code' is missing in type '{}' but required in type 'Failure'.
    10 |
    11 | export const none: Failure =
  > 12 |   {};
       |   ^^
    13 |

Found 1 error in 800 ms.
webpack 5.90.0 compiled with 1 error in 2000 ms
`,
		want: []string{"src/errors/index.ts:12:5", "Property 'code' is missing"},
	},
	{
		name: "yarn 1 and a package that does not build",
		output: `[4/4] Building fresh packages...
error /builds/group/app/node_modules/sharp: Command failed.
Exit code: 1
Command: node-gyp rebuild
Arguments:
Directory: /builds/group/app/node_modules/sharp
Output:
gyp info it worked if it ends with ok
gyp info using node-gyp@9.4.0
gyp ERR! find Python You need to install the latest version of Python.
gyp ERR! configure error
gyp ERR! stack Error: Could not find any Python installation to use
gyp ERR! not ok
info Visit https://yarnpkg.com/en/docs/cli/install for documentation about this command.
`,
		want:  []string{"node_modules/sharp: Command failed", "Could not find any Python installation to use"},
		never: []string{"it worked if it ends with ok", "Visit https"},
	},
	{
		name: "yarn 1 and an engine",
		output: `[2/5] Validating package.json...
error app@1.0.0: The engine "node" is incompatible with this module. Expected version ">=20". Got "18.20.8"
error Found incompatible module.
info Visit https://yarnpkg.com/en/docs/cli/install for documentation about this command.
`,
		want: []string{`The engine "node" is incompatible with this module. Expected version ">=20"`},
	},
	{
		name: "npm without a code",
		output: `npm WARN deprecated har-validator@5.1.5: this library is no longer supported
npm ERR! Cannot read properties of null (reading 'pickAlgorithm')

npm ERR! A complete log of this run can be found in:
npm ERR!     /root/.npm/_logs/2024-01-01T00_00_00_000Z-debug-0.log
`,
		want:  []string{"Cannot read properties of null (reading 'pickAlgorithm')"},
		never: []string{"A complete log", "deprecated"},
	},
	{
		name: "npm and a token that may not publish",
		output: `npm notice total files: 12
npm error code E401
npm error 401 Unauthorized - PUT https://gitlab.example.com/api/v4/projects/7/packages/npm/@group%2fapp
npm error A complete log of this run can be found in: /root/.npm/_logs/x-debug-0.log
`,
		want: []string{"401 Unauthorized - PUT https://gitlab.example.com"},
	},
	{
		name: "pnpm and peers",
		output: ` ERR_PNPM_PEER_DEP_ISSUES  Unmet peer dependencies

.
└─┬ eslint-plugin-vue 9.0.0
  └── ✕ unmet peer eslint@"^7.0.0": found 9.1.0

hint: If you don't want pnpm to fail on peer dependency issues, add "strict-peer-dependencies=false" to an .npmrc file
`,
		want: []string{"ERR_PNPM_PEER_DEP_ISSUES", "unmet peer eslint"},
	},
	{
		name: "node --test with dots",
		output: `..X.

Failed tests:

✖ splits at midnight (2.85ms)
  AssertionError [ERR_ASSERTION]: Expected values to be strictly deep-equal:
  + actual - expected

      at TestContext.<anonymous> (/builds/group/app/test/dates.test.js:7:12)
      at Test.runInAsyncScope (node:async_hooks:214:14) {
    generatedMessage: true,
    code: 'ERR_ASSERTION'
  }
✖ intervals (5.08ms)
  '1 subtest failed'
`,
		want:  []string{"✖ splits at midnight", "Expected values to be strictly deep-equal", "dates.test.js:7:12"},
		never: []string{"subtest failed"},
	},
	{
		name: "a rejection in Node.js 14",
		output: `listening
(node:22) UnhandledPromiseRejectionWarning: Error: cannot reach the database
    at connect (/builds/group/app/db.js:4:9)
    at processTicksAndRejections (internal/process/task_queues.js:95:5)
(Use ` + "`node --trace-warnings ...`" + ` to show where the warning was created)
(node:22) UnhandledPromiseRejectionWarning: Unhandled promise rejection. This error originated either by throwing inside of an async function
(node:22) [DEP0018] DeprecationWarning: Unhandled promise rejections are deprecated.
`,
		want: []string{"cannot reach the database"},
	},
	{
		name: "tsc, a message of several lines",
		output: `src/a.ts:3:7 - error TS2322: Type '{ a: number; }' is not assignable to type 'B'.
  Types of property 'a' are incompatible.
    Type 'number' is not assignable to type 'string'.

3 const b: B = { a: 1 };
        ~

  src/types.ts:1:20
    1 export type B = { a: string };
                         ~
    The expected type comes from property 'a' which is declared here on type 'B'


Found 1 error in src/a.ts:3
`,
		want:  []string{"src/a.ts:3:7 - error TS2322", "Types of property 'a' are incompatible"},
		never: []string{"src/types.ts:1:20"},
	},
}
