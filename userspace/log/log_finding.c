/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "log/log_verify.h"
#include "log/segment.h"

static const struct {
	const char *name;
	const char *text; /* after the place */
	bool range;	  /* of records, else one of them */
	bool at;	  /* a line of a file */
} kinds[LOG_FINDINGS] = {
	[LOG_ALTERED] = {"altered", "was altered", false, true},
	[LOG_REMOVED] = {"removed", "removed", true, false},
	[LOG_MOVED] = {"moved", "stands behind later ones", false, true},
	[LOG_INSERTED] = {"inserted", "the line is no record of this log", false, true},
	[LOG_HEAD] = {"head", "the segment does not go on from what is before it", false, true},
	[LOG_MISMATCH] = {"mismatch", "altered somewhere, and the hashes beside them with them", true, false},
	[LOG_TRUNCATED] = {"truncated", "cut off: a checkpoint covers them", true, false},
	[LOG_MISSING] = {"missing", "gone, and no record of retention says so", true, false},
	[LOG_CHECKPOINT] = {"checkpoint", "", false, false},
	[LOG_WITNESS] = {"witness", "", false, false},
	[LOG_TORN] = {"torn", "its end is unfinished: it is being written, or was cut off", false, true},
	[LOG_HASHES] = {"hashes", "the file of hashes does not fit the lines, which are right", true, false},
};

bool log_finding_is_warning(const struct log_finding *f)
{
	return f->kind == LOG_TORN || f->kind == LOG_HASHES;
}

const char *log_finding_name(enum log_finding_kind kind)
{
	return kinds[kind].name;
}

static int place_put(const struct log_finding *f, char *text, size_t size)
{
	char name[SEGMENT_NAME_BYTES];

	if (f->kind == LOG_CHECKPOINT || f->kind == LOG_WITNESS)
		return snprintf(text, size, "checkpoint %llu: ", (unsigned long long)f->line);
	if (!f->segment)
		return 0;
	segment_name(f->segment, SEGMENT_LINES, name);
	if (kinds[f->kind].at)
		return snprintf(text, size, "%s:%llu: ", name, (unsigned long long)f->line);
	return snprintf(text, size, "%s: ", name);
}

static int records_put(const struct log_finding *f, char *text, size_t size)
{
	if (!f->seq)
		return 0;
	if (kinds[f->kind].range && f->to != f->seq)
		return snprintf(text, size, "records %llu to %llu: ", (unsigned long long)f->seq,
				(unsigned long long)f->to);
	return snprintf(text, size, "record %llu: ", (unsigned long long)f->seq);
}

void log_finding_text(const struct log_finding *f, char *text, size_t size)
{
	int n = place_put(f, text, size);

	n += records_put(f, text + n, size - (size_t)n);
	snprintf(text + n, size - (size_t)n, "%s%s%s", kinds[f->kind].text,
		 *kinds[f->kind].text && f->why ? ": " : "", f->why ? f->why : "");
}
