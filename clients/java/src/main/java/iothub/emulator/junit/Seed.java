package iothub.emulator.junit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Seeds (docs/seeds.md) that the hubs of a class or of a test begin with; those of the class come first. */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@Inherited
public @interface Seed {
    /** Resources, by their names relative to the class. */
    String[] value();
}
