// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"flag"
	"os"
	"testing"
)

// Schedules are cheap: thousands of them, unless the flag says otherwise.
func TestMain(m *testing.M) {
	if f := flag.Lookup("rapid.checks"); f != nil {
		f.DefValue = "2000"
		_ = f.Value.Set(f.DefValue)
	}
	flag.Parse()
	if testing.Short() {
		_ = flag.Set("rapid.checks", "200")
	}
	os.Exit(m.Run())
}
