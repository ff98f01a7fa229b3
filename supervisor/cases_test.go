package supervisor_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// otpCases are the 83 cases of OTP's supervisor_SUITE that have a meaning here.
// The five others: get_callback_module, and code_change with its three forms,
// are about release tools and hot upgrade.
const otpCases = `
sup_start_normal sup_start_ignore_init sup_start_ignore_child
sup_start_ignore_temporary_child sup_start_ignore_temporary_child_start_child
sup_start_ignore_temporary_child_start_child_simple
sup_start_ignore_permanent_child_start_child_simple
sup_start_error_return sup_start_fail
sup_start_child_returns_error sup_start_child_returns_error_simple
sup_start_restart_child_returns_error
sup_start_map sup_start_map_simple sup_start_map_faulty_specs
sup_stop_infinity sup_stop_timeout sup_stop_timeout_dynamic
sup_stop_brutal_kill sup_stop_brutal_kill_dynamic
sup_stop_race sup_stop_non_shutdown_exit_dynamic
child_adm child_adm_simple extra_return child_specs child_specs_map sup_flags
multiple_restarts one_for_one one_for_one_escalation
one_for_all one_for_all_escalation one_for_all_other_child_fails_restart
simple_one_for_one simple_one_for_one_extra simple_one_for_one_escalation
simple_one_for_one_shutdown simple_one_for_one_corruption
rest_for_one rest_for_one_escalation rest_for_one_other_child_fails_restart
permanent_normal transient_normal temporary_normal
permanent_shutdown transient_shutdown temporary_shutdown
permanent_abnormal transient_abnormal temporary_abnormal
faulty_application_shutdown temporary_bystander child_unlink tree
nonsignificant_temporary nonsignificant_transient
significant_temporary significant_transient significant_simple
significant_bystander significant_escalation
significant_upgrade_never_any significant_upgrade_any_never
significant_upgrade_never_all significant_upgrade_all_never
significant_upgrade_any_all significant_upgrade_all_any
significant_upgrade_child
count_children count_children_supervisor count_restarting_children
do_not_save_start_parameters_for_temporary_children
do_not_save_child_specs_for_temporary_children
simple_one_for_one_scale_many_temporary_children
simple_global_supervisor
hanging_restart_loop hanging_restart_loop_rest_for_one hanging_restart_loop_simple
order_of_children scale_start_stop_many_children format_log_1 format_log_2`

// The cases carried from elsewhere.
const elixirCases = `
restarting_on_init_children_counted_in_max_children
restarting_on_exit_children_counted_in_max_children
child_is_restarted_when_trying_again
child_triggers_maximum_intensity_when_trying_again
terminates_with_mixed_children
terminates_children_with_expired_integer_shutdown
terminates_restarting_child
exits_immediately_when_any_task_exits
returns_replies_in_input_order_ignoring_response_order
ignores_additional_messages_after_reply
raises_when_invoked_from_a_non_owner_process
yield_many_with_limit_and_on_timeout
partition_resizes partition_raises_on_lookup_after_resizing_to_zero`

// streamCases are carried by package gather.
const streamCases = `
async_stream_with_fun async_stream_ordered_false async_stream_on_timeout_kill_task
async_stream_without_leaking_tasks async_stream_slowest_first async_stream_with_exits
async_stream_shuts_down_unused_tasks
async_stream_shuts_down_unused_tasks_without_leaking_messages
async_stream_is_zippable_on_success async_stream_is_zippable_on_failure
async_stream_is_zippable_with_slowest_first async_stream_inner_halt_on_success
async_stream_inner_halt_on_failure async_stream_inner_halt_and_slowest_first
async_stream_outer_halt_on_success async_stream_outer_halt_on_failure
async_stream_outer_halt_and_slowest_first async_stream_terminates_inner_effect
async_stream_terminates_outer_effect async_stream_zip_input_on_exit
async_stream_consuming_from_another_process async_stream_with_callers`

const sutureCases = `
HappyCase AddingToRunning Failures RunningAlreadyRunning DefaultLogging
NestedSupervisors StoppingStopsServices StoppingStillWorksWithHungServices
RemovingHungService RemoveService ServiceReport Issue11 RemoveAndWait Issue35
StopAfterRemoveAndWait ServiceAndTreeTermination DoNotPropagate
AddAfterStopping Issue77 EverMultistarted`

const catsCases = `
3394_accepted_after_close 3972_no_last_restart supervise_racing_close
cancel_before_first_step 4490_memory_of_quick_cancels 4293_restart_racing_cancel`

const swiftCases = `
248_stop_before_run 166_end_out_of_order 232_order_on_cancellation
207_swallowed_cancellation`

// wantedTests returns the names of the tests for all carried cases.
func wantedTests() (names []string) {
	for prefix, cases := range map[string]string{
		"TestOTP_": otpCases, "TestElixir_": elixirCases + streamCases,
		"TestSuture_": sutureCases, "TestCats_": catsCases, "TestSwift_": swiftCases,
	} {
		for name := range strings.FieldsSeq(cases) {
			names = append(names, prefix+name)
		}
	}
	slices.Sort(names)
	return names
}

// Each case is a test of that name, and has a row in CASES.md that is no stub.
func TestCases_AreAllThere(t *testing.T) {
	if n := len(strings.Fields(otpCases)); n != 83 {
		t.Errorf("the list has %d cases of OTP, want 83", n)
	}
	var sources strings.Builder
	here, _ := filepath.Glob("*_test.go")
	inGather, _ := filepath.Glob("../gather/*_test.go")
	for _, file := range slices.Concat(here, inGather) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources.WriteString(string(text))
	}
	table, err := os.ReadFile("CASES.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range wantedTests() {
		if !strings.Contains(sources.String(), "\nfunc "+name+"(t *testing.T) {") {
			t.Errorf("there is no test %s", name)
		}
		_, short, _ := strings.Cut(name, "_")
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %s \| .{10,} \|$`, regexp.QuoteMeta(short)))
		if !row.Match(table) {
			t.Errorf("CASES.md has no row for %s that says what it proves", short)
		}
	}
}
