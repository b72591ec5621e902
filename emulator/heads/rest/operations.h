#pragma once
/// The operations behind the routes (rest.md 3). Each answers its call.

namespace iothub::heads::rest {

class Call;

// Devices and modules: the path tells which.
void get_identity(Call& call);
void put_identity(Call& call);
void delete_identity(Call& call);
void list_devices(Call& call);
void list_modules(Call& call);

void get_twin(Call& call);
void patch_twin(Call& call);
void replace_twin(Call& call);

}  // namespace iothub::heads::rest
