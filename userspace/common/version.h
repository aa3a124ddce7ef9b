/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_VERSION_H
#define DEPUTY_VERSION_H

#define DEPUTY_VERSION "0.1.0"

#endif
