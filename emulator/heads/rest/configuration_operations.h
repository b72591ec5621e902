#pragma once
/// Configurations over REST (rest.md 3, rows 11 and 20-24). Each answers its call.

namespace iothub::heads::rest {

class Call;

void list_configurations(Call& call);
void get_configuration(Call& call);
void put_configuration(Call& call);
void delete_configuration(Call& call);
void test_configuration_queries(Call& call);
void apply_configuration_content(Call& call);

}  // namespace iothub::heads::rest
