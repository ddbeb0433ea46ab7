// SPDX-License-Identifier: Apache-2.0

package symbols

import "testing"

func TestKernelFile(t *testing.T) {
	img := guestImage(t)
	k, err := ReadKernelFile(img.Vmlinux)
	if err != nil {
		t.Fatal(err)
	}
	// What the ABI or the architecture lays down.
	for _, tt := range []struct {
		path string
		want Member
		ok   bool
	}{
		{"list_head", Member{0, 16}, true},
		{"list_head.prev", Member{8, 8}, true},
		{"user_regs_struct.ra", Member{8, 8}, true},
		{"pt_regs.status", Member{8 * ptStatus, 8}, true},
		{"pt_regs.cause", Member{8 * ptCause, 8}, true},
		{"new_utsname.release", Member{130, 65}, true},    // an array
		{"sigevent.sigev_notify", Member{12, 4}, true},    // after a union
		{"file.f_path.nothing", Member{}, false},          // a member of a member
		{"list_head.prev.prev", Member{}, false},          // behind a pointer
		{"nothing.at_all", Member{}, false},               //
		{"", Member{}, false},                             //
		{".", Member{}, false},                            //
		{"list_head.", Member{Offset: 0, Size: 16}, true}, // nothing more
	} {
		got, ok := k.Member(tt.path)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%q: %+v, %v, want %+v", tt.path, got, ok, tt.want)
		}
	}
	path, ok1 := k.Member("file.f_path")
	dentry, ok2 := k.Member("file.f_path.dentry")
	in, ok3 := k.Member("path.dentry")
	if !ok1 || !ok2 || !ok3 || dentry.Offset != path.Offset+in.Offset || path.Size != 16 {
		t.Errorf("file.f_path is %+v, its dentry %+v", path, dentry)
	}
	if a, ok := k.Address("init_task"); !ok || k.Variable(a) != "init_task" {
		t.Errorf("init_task is at %#x, where %q is", a, k.Variable(a))
	}
	if _, ok := k.Address("no_such_symbol"); ok {
		t.Error("found a symbol that is not there")
	}
	if k.Variable(0x1234) != "" {
		t.Error("found a variable where none is")
	}
}

func TestKernelFileNeedsBTF(t *testing.T) {
	for _, file := range []string{buildProg(t), "testdata", "/nonexistent"} {
		if _, err := ReadKernelFile(file); err == nil {
			t.Errorf("%s is taken for a kernel", file)
		}
	}
}
